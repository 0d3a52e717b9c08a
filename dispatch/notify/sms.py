"""SMS through the spool folder of gammu-smsd's files service, with a modem or its dummy phone behind it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dispatch.notify.files import write_whole
from dispatch.notify.threads import aside
from dispatch.notify.transport import Message, NotDelivered

# gammu-smsd moves what it has dealt with into folders beside its outbox (SentSMSPath, ErrorSMSPath)
_DEALT_WITH = ("outbox", "sent", "error")


class SmsTransport:
    """Puts messages into `<spool>/outbox`, from where gammu-smsd takes and sends them.

    The file's name is the one gammu-smsd-files(7) gives: `OUT<priority><date>_<time>_<serial>_<recipient>_
    <note>.txt`. The note is the message's id: a message that lies in any of the spool's folders already is
    not put there again.
    """

    def __init__(self, spool: Path) -> None:
        """`spool` holds gammu-smsd's folders outbox, sent and error."""
        self._spool = spool

    async def deliver(self, message: Message) -> None:
        """Put the message into the spool.

        Raises:
            NotDelivered: there is no spool folder.
        """
        await aside(partial(self._put, message))

    def _put(self, message: Message) -> None:
        outbox = self._spool / "outbox"
        if not outbox.is_dir():
            raise NotDelivered(f"no spool folder {outbox}: is gammu-smsd set up?")
        note = message.id.hex
        if any(next((self._spool / folder).glob(f"OUT*{note}*"), None) for folder in _DEALT_WITH):
            return
        moment = f"{message.created_at:%Y%m%d_%H%M%S}"
        write_whole(outbox / f"OUTA{moment}_00_{message.recipient}_{note}.txt", message.words)
