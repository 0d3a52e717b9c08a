"""What can be wrong with certificates, said in both languages."""

from dispatch.local.errors import LocalError


class TlsError(LocalError):
    """HTTPS cannot be served or made; the messages say what is wrong and what to do."""

    def __init__(self, message_id: str, message_en: str) -> None:
        """Carry both messages; as a string they stand on one line."""
        super().__init__(f"{message_id} / {message_en}")
        self.message_id = message_id
        self.message_en = message_en
