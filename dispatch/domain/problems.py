"""Refusals as problem documents (RFC 9457), the same over HTTP and on sockets."""

from __future__ import annotations

from typing import Any

from dispatch.domain.errors import DispatchError

TITLES: dict[str, tuple[str, str]] = {
    "invalid_input": ("Isian tidak dapat diterima", "Invalid input"),
    "reason_needed": ("Alasan diperlukan", "A reason is needed"),
    "not_signed_in": ("Belum masuk", "Not signed in"),
    "forbidden": ("Tidak berwenang", "Not allowed"),
    "not_found": ("Tidak ditemukan", "Not found"),
    "method_not_allowed": ("Metode tidak didukung", "Method not allowed"),
    "conflict": ("Bertentangan dengan keadaan sekarang", "Conflict with the present state"),
    "illegal_step": ("Langkah tidak sah", "Illegal step"),
    "unit_taken": ("Unit sudah bertugas", "The unit is taken"),
    "unit_overlap": ("Unit bertugas pada waktu yang sama", "The unit had another run then"),
    "already_entered": ("Formulir sudah dimasukkan", "The form was entered before"),
    "unit_not_available": ("Unit tidak dapat dikirim", "The unit is not available"),
    "content_differs": ("Isi berbeda dari semula", "The content differs"),
    "broken_frame": ("Bingkai tidak dapat dibaca", "The frame cannot be read"),
    "too_large": ("Permintaan terlalu besar", "The request is too large"),
    "too_many_requests": ("Terlalu sering", "Too many requests"),
    "unavailable": ("Sedang tidak tersedia", "Unavailable now"),
    "internal": ("Kesalahan dalam sistem", "A fault in the system"),
}


def problem_document(error: DispatchError) -> dict[str, Any]:
    """Return the problem document of a refusal; further members are the refusal's own."""
    title_id, title_en = TITLES.get(error.code, (error.code, error.code))
    document = {
        "type": f"urn:semar:problem:{error.code}",
        "title": title_id,
        "title_en": title_en,
        "status": error.status,
        "detail": error.message_id,
        "detail_en": error.message_en,
        "code": error.code,
    }
    return document | {name: value for name, value in error.extra.items() if name not in document}
