"""Phone numbers: anything an Indonesian would type, kept as E.164."""

from __future__ import annotations

import phonenumbers

from dispatch.domain.errors import FieldProblem, InvalidInput


def e164(text: str, field: str = "phone") -> str:
    """Return `text` as E.164 (`+628121297775`); accepts `0812-...`, `62812...`, `+62 812 ...`.

    Raises:
        InvalidInput: it is not a possible phone number.
    """
    digits = "".join(c for c in text if c.isdigit())
    if text.strip().startswith("62") and len(digits) >= 10:
        text = "+" + digits
    try:
        number = phonenumbers.parse(text, "ID")
        possible = phonenumbers.is_possible_number(number)
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise InvalidInput(
            FieldProblem(
                field,
                f"Nomor telepon '{text}' tidak sah; contoh: 0812-3456-7890",
                f"'{text}' is not a phone number; for example: 0812-3456-7890",
            )
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
