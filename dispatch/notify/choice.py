"""Which ways of sending a deployment has, by its settings."""

from __future__ import annotations

from dispatch.local.secret_files import read_secret
from dispatch.notify.files import FileTransport
from dispatch.notify.push import PushTransport
from dispatch.notify.sms import SmsTransport
from dispatch.notify.transport import Transport, Transports
from dispatch.notify.web_push import Sender
from dispatch.settings import Settings


def push_sender(settings: Settings) -> Sender:
    """Return who sends push messages; its key is made at the first need, beside the other secrets."""
    return Sender(bytes.fromhex(read_secret(settings.push_key_path)), settings.push_contact)


def transports(settings: Settings) -> Transports:
    """Return the ways out: push, SMS when a spool folder is set, files for everything else."""
    others: dict[str, Transport] = {"push": PushTransport(push_sender(settings), settings.push_origins)}
    if settings.sms_spool is not None:
        others["sms"] = SmsTransport(settings.sms_spool)
    return Transports(FileTransport(settings.run_dir / "outbox"), others)
