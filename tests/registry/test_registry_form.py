"""The element form: what is sent for a claim, and how every kind of answer is read."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import Claim, NikError
from registry.form import BadAnswer, read_answer, request_body

NIK = "3214015011909001"
FOUND = {"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)"}


def read(content: object, threshold: int = 90) -> tuple[str, str | None, tuple[str, ...]]:
    answer = read_answer(json.dumps({"content": content}).encode(), threshold)
    return answer.outcome, answer.detail, answer.flags


def test_the_request_is_the_element_form() -> None:
    claim = Claim(
        "3214 0150 1190 9001",
        "Contoh Melati",
        birth_place="Purwakarta",
        birth_date=date(1990, 11, 10),
        sex="female",
        address="Gang Contoh 1",
        rt="003",
        rw="005",
        village="Citalang",
        district="Purwakarta",
        regency="Kabupaten Purwakarta",
        province="Jawa Barat",
    )
    assert json.loads(request_body(claim, "u", "p", 85)) == {
        "user_id": "u",
        "password": "p",
        "TRESHOLD": "85",
        "NIK": NIK,
        "NAMA_LGKP": "Contoh Melati",
        "TMPT_LHR": "Purwakarta",
        "TGL_LHR": "10-11-1990",
        "JENIS_KLMIN": "Perempuan",
        "ALAMAT": "Gang Contoh 1",
        "NO_RT": "003",
        "NO_RW": "005",
        "KEL_NAME": "Citalang",
        "KEC_NAME": "Purwakarta",
        "KAB_NAME": "Kabupaten Purwakarta",
        "PROP_NAME": "Jawa Barat",
    }


def test_what_is_not_claimed_is_not_asked() -> None:
    form = json.loads(request_body(Claim(NIK, "Contoh"), "u", "p", 90))
    assert set(form) == {"user_id", "password", "TRESHOLD", "NIK", "NAMA_LGKP"}


@given(st.text(st.characters(), min_size=1).filter(str.strip))
def test_any_name_can_be_written(name: str) -> None:
    assert json.loads(request_body(Claim(NIK, name), "u", "p", 90))["NAMA_LGKP"] == name


def test_a_claim_needs_a_nik_and_a_name() -> None:
    with pytest.raises(NikError):
        Claim("3214", "Contoh")
    with pytest.raises(ValueError, match="name"):
        Claim(NIK, "  ")


def test_printing_a_claim_shows_the_mask_only() -> None:
    assert f"{Claim(NIK, 'Contoh Melati')!r}" == "Claim(3214**********01)"


@pytest.mark.parametrize(
    ("content", "outcome", "detail"),
    [
        ([FOUND], "match", None),
        (FOUND, "match", None),
        ([{**FOUND, "RESPONSE_CODE": "00", "RESPON": "Sukses"}], "match", None),
        ([{**FOUND, "NIK": NIK}], "match", None),
        ([{**FOUND, "NIK": int(NIK)}], "match", None),
        ([{"NAMA_LGKP": "sesuai"}], "match", None),
        ([{**FOUND, "NAMA_LGKP": "Sesuai (90)"}], "match", None),
        ([{**FOUND, "NAMA_LGKP": "Sesuai (89)"}], "mismatch", "name_disagrees"),
        ([{**FOUND, "NAMA_LGKP": "Tidak Sesuai"}], "mismatch", "name_disagrees"),
        ([{**FOUND, "NAMA_LGKP": "Tidak Sesuai (40)"}], "mismatch", "name_disagrees"),
        ([{**FOUND, "NIK": "Tidak Sesuai"}], "not_found", "not_in_registry"),
        ([{"RESPONSE_CODE": "13", "RESPON": "..."}], "not_found", "not_in_registry"),
        ([{"RESPONSE_CODE": 15}], "not_found", "nik_format"),
        ([{"RESPON": "Data Tidak Ditemukan"}], "not_found", "not_in_registry"),
        ([{**FOUND, "RESPONSE_CODE": "11"}], "mismatch", "record_deceased"),
        ([{"RESPONSE_CODE": "12"}], "mismatch", "record_duplicate"),
        ([{"RESPON": "Data Ditemukan, Status Non Aktif"}], "mismatch", "record_inactive"),
        ([{"RESPON": "Login Gagal"}], "unavailable", "login_failed"),
        ([{"RESPON": "User ID Tidak Aktif"}], "unavailable", "login_failed"),
        ([{"RESPON": "Kuota Akses Hari ini telah Habis"}], "unavailable", "quota_used_up"),
        ([{"RESPON": "IP Client  Tidak terdaftar"}], "unavailable", "address_not_allowed"),
        ([{"RESPONSE_CODE": "77", "RESPON": "Entah"}], "unavailable", "refused_by_service"),
        ([{"RESPON": None, "RESPONSE_CODE": 5}], "unavailable", "refused_by_service"),
    ],
)
def test_answers(content: object, outcome: str, detail: str | None) -> None:
    assert read(content)[:2] == (outcome, detail)


def test_a_birth_date_or_sex_that_disagrees_is_a_flag_not_a_refusal() -> None:
    content = [{**FOUND, "TGL_LHR": "Tidak Sesuai", "JENIS_KLMIN": "Tidak Sesuai", "ALAMAT": "Tidak Sesuai"}]
    assert read(content) == ("match", None, ("birth_date_disagrees", "sex_disagrees"))


def test_the_state_of_a_record_is_a_flag_too() -> None:
    assert read([{"RESPONSE_CODE": "14"}])[2] == ("record_inactive",)


def test_elements_come_in_form_order_and_unknown_ones_are_left_out() -> None:
    content = {"AGAMA": "Sesuai", "KEL_NAME": "Sesuai", "TMPT_LHR": "Apa", **FOUND}
    answer = read_answer(json.dumps({"content": [content]}).encode(), 90)
    assert [(e.name, e.verdict, e.score) for e in answer.elements] == [
        ("NIK", "Sesuai", None),
        ("NAMA_LGKP", "Sesuai", 100),
        ("KEL_NAME", "Sesuai", None),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"<html>", "bad_json"),
        (b'{"content": [', "bad_json"),
        (b"\xff\xfe{}", "bad_json"),
        (b"[" * 60_000, "bad_json"),
        (b"null", "bad_answer"),
        (b"[]", "bad_answer"),
        (b"{}", "bad_answer"),
        (b'{"content": []}', "bad_answer"),
        (b'{"content": [{}, {}]}', "bad_answer"),
        (b'{"content": [1]}', "bad_answer"),
        (b'{"content": [{"NIK": "Sesuai"}]}', "bad_answer"),
        (b'{"content": [{"NIK": "Sesuai", "NAMA_LGKP": "Mungkin"}]}', "bad_answer"),
        (b'{"content": [{"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (101)"}]}', "bad_answer"),
        (b'{"content": [{"NIK": "Sesuai", "NAMA_LGKP": 100}]}', "bad_answer"),
    ],
)
def test_what_is_not_the_form_is_a_bad_answer(body: bytes, code: str) -> None:
    with pytest.raises(BadAnswer, match=f"^{code}$"):
        read_answer(body, 90)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["content", "NIK", "RESPON", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.one_of(st.binary(), JSON.map(lambda value: json.dumps({"content": value}).encode())))
def test_no_answer_breaks_the_reader(body: bytes) -> None:
    assert what_is_read(body) in {"match", "mismatch", "not_found", "unavailable", "bad_json", "bad_answer"}


def what_is_read(body: bytes) -> str:
    try:
        return read_answer(body, 90).outcome
    except BadAnswer as error:
        return str(error)
