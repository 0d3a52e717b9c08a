"""Which ways of sending a deployment has, by its settings."""

from __future__ import annotations

from dispatch.notify.files import FileTransport
from dispatch.notify.sms import SmsTransport
from dispatch.notify.transport import Transport, Transports
from dispatch.settings import Settings


def transports(settings: Settings) -> Transports:
    """Return the ways out: SMS when a spool folder is set, files for everything else."""
    others: dict[str, Transport] = {}
    if settings.sms_spool is not None:
        others["sms"] = SmsTransport(settings.sms_spool)
    return Transports(FileTransport(settings.run_dir / "outbox"), others)
