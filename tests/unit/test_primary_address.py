"""Addresses of one database server and of several, taken apart."""

import pytest
from sqlalchemy.exc import ArgumentError

from dispatch.storage.primary import servers_of


def names(url: str) -> list[str]:
    return [server.name for server in servers_of(url)]


def addresses(url: str) -> list[str]:
    return [server.dsn for server in servers_of(url)]


def test_both_forms_name_the_same_servers() -> None:
    ahead = "postgresql://semar_app:s%40ndi@10.0.0.1:5432,10.0.0.2:5433/semar?sslmode=require"
    behind = "postgresql://semar_app:s%40ndi@/semar?host=10.0.0.1,10.0.0.2&port=5432,5433&sslmode=require"
    assert addresses(ahead) == addresses(behind)
    assert addresses(ahead)[1] == (
        "postgresql://semar_app:s%40ndi@/semar?host=10.0.0.2&port=5433&sslmode=require"
    )
    assert names(behind) == ["10.0.0.1:5432", "10.0.0.2:5433"]


def test_two_sockets_in_one_folder() -> None:
    url = "postgresql+asyncpg://semar_app@/semar?host=/run/a,/run/a&port=5432,5433&target_session_attrs=any"
    assert addresses(url) == [
        "postgresql://semar_app@/semar?host=%2Frun%2Fa&port=5432",
        "postgresql://semar_app@/semar?host=%2Frun%2Fa&port=5433",
    ]


def test_what_one_server_may_look_like() -> None:
    assert addresses("postgres://semar_app@[::1]:5432/semar") == [
        "postgresql://semar_app@/semar?host=%3A%3A1&port=5432"
    ]
    assert addresses("postgresql://basisdata/semar") == ["postgresql:///semar?host=basisdata"]
    assert addresses("postgresql://a,b/semar?port=6000") == [
        "postgresql:///semar?host=a&port=6000",
        "postgresql:///semar?host=b&port=6000",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a/b",
        "",
        "postgresql://a:x/semar",
        "postgresql:///s?host=a,b,c&port=1,2",
        "postgresql://a:1:2/s",
    ],
)
def test_what_cannot_be_read_is_refused(url: str) -> None:
    with pytest.raises(ArgumentError):
        servers_of(url)
