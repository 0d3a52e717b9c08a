"""Refusals of values that never reached a service, in words of both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dispatch.domain.errors import FieldProblem, InvalidInput

_SHOWN = 60

# {value} is what came in; the other names are pydantic's own context of the error type
_WORDS: dict[str, tuple[str, str]] = {
    "missing": ("Wajib diisi", "Required"),
    "extra_forbidden": ("Isian ini tidak dikenal", "This field is unknown"),
    "json_invalid": ("JSON tidak terbaca: {error}", "The JSON cannot be read: {error}"),
    "model_attributes_type": ("Isi harus berupa objek JSON", "Must be a JSON object"),
    "model_type": ("Isi harus berupa objek JSON", "Must be a JSON object"),
    "dict_type": ("Isi harus berupa objek JSON", "Must be a JSON object"),
    "list_type": ("Isi harus berupa daftar", "Must be a list"),
    "uuid_type": ("'{value}' bukan UUID", "'{value}' is not a UUID"),
    "uuid_parsing": ("'{value}' bukan UUID", "'{value}' is not a UUID"),
    "string_type": ("'{value}' bukan teks", "'{value}' is not a text"),
    "string_unicode": ("Teks bukan Unicode yang sah", "The text is not valid Unicode"),
    "string_too_short": ("Paling sedikit {min_length} karakter", "At least {min_length} characters"),
    "string_too_long": ("Paling banyak {max_length} karakter", "At most {max_length} characters"),
    "string_pattern_mismatch": (
        "'{value}' bukan kode (huruf kecil, angka, garis bawah)",
        "'{value}' is not a code (small letters, digits, underscore)",
    ),
    "bool_type": ("'{value}' bukan ya/tidak (true/false)", "'{value}' is neither true nor false"),
    "bool_parsing": ("'{value}' bukan ya/tidak (true/false)", "'{value}' is neither true nor false"),
    "int_type": ("'{value}' bukan bilangan bulat", "'{value}' is not a whole number"),
    "int_parsing": ("'{value}' bukan bilangan bulat", "'{value}' is not a whole number"),
    "int_parsing_size": ("Bilangan terlalu besar", "The number is too large"),
    "int_from_float": ("'{value}' bukan bilangan bulat", "'{value}' is not a whole number"),
    "float_type": ("'{value}' bukan angka", "'{value}' is not a number"),
    "float_parsing": ("'{value}' bukan angka", "'{value}' is not a number"),
    "finite_number": ("'{value}' bukan angka berhingga", "'{value}' is not a finite number"),
    "greater_than": ("{value} harus lebih dari {gt}", "{value} must be more than {gt}"),
    "greater_than_equal": ("{value} kurang dari {ge}", "{value} is less than {ge}"),
    "less_than": ("{value} harus kurang dari {lt}", "{value} must be less than {lt}"),
    "less_than_equal": ("{value} lebih dari {le}", "{value} is more than {le}"),
    "too_long": ("Paling banyak {max_length} isian", "At most {max_length} entries"),
    "too_short": ("Paling sedikit {min_length} isian", "At least {min_length} entries"),
    "enum": ("'{value}' tidak dikenal; pilihan: {expected}", "'{value}' is unknown; known are: {expected}"),
    "literal_error": (
        "'{value}' tidak dikenal; pilihan: {expected}",
        "'{value}' is unknown; known are: {expected}",
    ),
    "timezone_aware": (
        "Waktu '{value}' tanpa zona; tambahkan Z atau +07:00",
        "Time '{value}' has no zone; add Z or +07:00",
    ),
    "datetime_type": ("'{value}' bukan waktu ISO 8601", "'{value}' is not an ISO 8601 time"),
    "datetime_parsing": ("'{value}' bukan waktu ISO 8601", "'{value}' is not an ISO 8601 time"),
    "datetime_from_date_parsing": ("'{value}' bukan waktu ISO 8601", "'{value}' is not an ISO 8601 time"),
    "datetime_object_invalid": ("'{value}' bukan waktu yang ada", "'{value}' is not a time that exists"),
    "date_type": ("'{value}' bukan tanggal", "'{value}' is not a date"),
    "date_parsing": ("'{value}' bukan tanggal yang ada", "'{value}' is not a date that exists"),
    "date_from_datetime_parsing": ("'{value}' bukan tanggal yang ada", "'{value}' is not a date that exists"),
}
# where a value came from is no part of a field's name
_PLACES = frozenset({"body", "query", "path", "header"})


def in_both_languages(errors: Iterable[Mapping[str, Any]]) -> InvalidInput:
    """Return validation errors as the refusal that services raise for bad fields, every field named."""
    return InvalidInput(*(_problem(error) for error in errors))


def unreadable_body() -> InvalidInput:
    """Return the refusal of a body that is no JSON text at all."""
    return InvalidInput(
        FieldProblem("body", "Isi permintaan tidak terbaca sebagai JSON", "The body cannot be read as JSON")
    )


def broken_text() -> InvalidInput:
    """Return the refusal of a body with a text that is not Unicode."""
    return InvalidInput(FieldProblem("body", *_WORDS["string_unicode"]))


def _problem(error: Mapping[str, Any]) -> FieldProblem:
    kind = str(error.get("type", ""))
    field = _field(error.get("loc", ()), kind)
    context = dict(error.get("ctx") or {})
    if "id" in context and "en" in context:  # made by our own validators, in words already
        return FieldProblem(field, str(context["id"]), str(context["en"]))
    if kind not in _WORDS:
        said = str(error.get("msg", kind))
        return FieldProblem(field, f"Isian tidak sah: {said}", said)
    words_id, words_en = _WORDS[kind]
    context["value"] = _shown(error.get("input"), field)
    return FieldProblem(field, words_id.format_map(context), words_en.format_map(context))


def _field(location: Iterable[Any], kind: str) -> str:
    parts = list(location)
    if kind == "json_invalid":
        return "body"
    if len(parts) > 1 and parts[0] in _PLACES:
        parts = parts[1:]
    return _whole(".".join(str(part) for part in parts)) or "body"


def _shown(value: Any, field: str) -> str:
    if field.endswith("password"):
        return "…"
    text = _whole(str(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _whole(text: str) -> str:
    """Return the text without halves of characters, which could not be sent back."""
    return text.encode("utf-8", "replace").decode()
