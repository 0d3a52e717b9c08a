"""The certificate of a serving process, exchanged while it serves: nobody is cut off by a renewal."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Protocol

from dispatch.settings import Settings
from dispatch.tls.errors import TlsError
from dispatch.tls.folder import TlsFolder, folder_of
from dispatch.tls.given import check_given

LOOK_EVERY_S = 60.0

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where the certificate comes from."""

    def current(self) -> tuple[Path, Path]:
        """Return the files of certificate and key, checked and, where we make them, fresh.

        Raises:
            TlsError: they must not be served.
        """


class OwnSource:
    """Certificates that our own authority signs."""

    def __init__(self, folder: TlsFolder) -> None:
        """`folder` keeps them."""
        self.folder = folder

    def current(self) -> tuple[Path, Path]:
        """Return the one file that holds both; a stale certificate is replaced first."""
        self.folder.ensure()
        return self.folder.server, self.folder.server


class GivenSource:
    """A certificate that somebody else keeps fresh."""

    def __init__(self, certificate: Path | None, key: Path | None) -> None:
        """Name both files."""
        self.certificate = certificate
        self.key = key

    def current(self) -> tuple[Path, Path]:
        """Return the files when they are fit to be served."""
        check_given(self.certificate, self.key)
        assert self.certificate is not None
        assert self.key is not None
        return self.certificate, self.key


def source_of(settings: Settings) -> Source:
    """Return where this deployment's certificate comes from."""
    if settings.tls_cert is not None or settings.tls_key is not None:
        return GivenSource(settings.tls_cert, settings.tls_key)
    return OwnSource(folder_of(settings))


class LiveCertificate:
    """A TLS context that follows its files."""

    def __init__(self, source: Source) -> None:
        """Load what there is.

        Raises:
            TlsError: it must not be served.
        """
        self.source = source
        self.context = _context()
        self._loaded: bytes | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Load the files when their content has changed, and tell whether it had.

        Connections that stand keep theirs. What cannot be served never replaces what can.

        Raises:
            TlsError: what lies there must not be served.
        """
        certificate, key = self.source.current()
        content = certificate.read_bytes() + key.read_bytes()
        if content == self._loaded:
            return False
        try:
            _context().load_cert_chain(certificate, key)
            self.context.load_cert_chain(certificate, key)
        except (ssl.SSLError, OSError) as unfit:
            raise TlsError(
                f"{certificate} tidak dapat dipakai: {unfit}", f"{certificate} cannot be used: {unfit}"
            ) from unfit
        self._loaded = content
        return True

    async def follow(self, every_s: float = LOOK_EVERY_S) -> None:
        """Refresh for ever; what goes wrong is logged, and tried again."""
        while True:
            await asyncio.sleep(every_s)
            try:
                if await asyncio.to_thread(self.refresh):
                    log.info("a new certificate is served from now on")
            except (TlsError, OSError) as unfit:
                log.error("the certificate stays as it was: %s", unfit)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
