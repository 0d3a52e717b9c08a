"""Indonesian phone numbers as bundles write them."""

import phonenumbers


def e164(text: str) -> str | None:
    """A number written the Indonesian way or internationally, as E.164; None when it is no valid number."""
    try:
        number = phonenumbers.parse(text, "ID")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
