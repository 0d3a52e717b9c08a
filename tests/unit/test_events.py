"""Canonical bytes and the chain over them: fixed vectors, so that no change goes unnoticed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.events import GENESIS, EventKind, canonical, chain_hash

MOMENT = datetime(2026, 11, 20, 5, 0, 0, 123456, tzinfo=UTC)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def test_canonical_bytes() -> None:
    body = {"b": [1, 2.5, None, True], "a": {"ä": "é ✓", "Z": ""}}
    assert canonical(body) == '{"a":{"Z":"","ä":"é ✓"},"b":[1,2.5,null,true]}'


@given(st.dictionaries(st.text(), json_values))
def test_the_order_of_keys_does_not_matter(body: dict[str, Any]) -> None:
    assert canonical(body) == canonical(dict(reversed(body.items())))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"x": value})


def test_the_chain_over_fixed_bodies() -> None:
    first = chain_hash(GENESIS, 1, 1, MOMENT, '{"a":1}')
    by_hand = hashlib.sha256(
        bytes(32)
        + (1).to_bytes(8, "big")
        + (1).to_bytes(8, "big")
        + (1_795_150_800_123_456).to_bytes(8, "big")
        + b'{"a":1}'
    )
    assert first == by_hand.digest()
    second = chain_hash(first, 1, 2, MOMENT + timedelta(microseconds=1), '{"a":"ä"}')
    assert first.hex() == "a23e6ed65385620e661292ed0266401ce4bcf0ebaba60548998170b8f9bcbea3"
    assert second.hex() == "ac95bef410e21f8a8cec3bbb648ce7d0d38fe4a002dac029a0e52eaeb7034cd8"


def test_a_moment_is_the_same_in_every_zone() -> None:
    jakarta = MOMENT.astimezone(timezone(timedelta(hours=7)))
    assert chain_hash(GENESIS, 1, 1, MOMENT, "{}") == chain_hash(GENESIS, 1, 1, jakarta, "{}")


@given(
    st.binary(min_size=32, max_size=32),
    st.integers(1, 2**31),
    st.integers(1, 2**60),
    st.integers(0, 10**15).map(lambda us: MOMENT + timedelta(microseconds=us)),
    st.text(),
)
def test_every_part_counts(previous: bytes, regency: int, seq: int, at: datetime, body: str) -> None:
    digest = chain_hash(previous, regency, seq, at, body)
    others = {
        chain_hash(bytes([previous[0] ^ 1]) + previous[1:], regency, seq, at, body),
        chain_hash(previous, regency + 1, seq, at, body),
        chain_hash(previous, regency, seq + 1, at, body),
        chain_hash(previous, regency, seq, at + timedelta(microseconds=1), body),
        chain_hash(previous, regency, seq, at, body + " "),
    }
    assert digest not in others
    assert len(others) == 5


def test_kinds_are_their_own_stable_names() -> None:
    assert all(kind.value == kind.name.lower() for kind in EventKind)
