"""The serving process over HTTPS: a real handshake, sockets, and a certificate exchanged while it serves."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from api_scene import Prepared
from websockets.asyncio.client import connect

from dispatch.settings import Settings
from dispatch.tls.errors import TlsError
from dispatch.tls.folder import TlsFolder, folder_of
from dispatch.tls.live import GivenSource, LiveCertificate, OwnSource
from dispatch.tls.machine import read_names

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = "127.0.0.2"  # to a browser no `localhost`, and yet this machine


@dataclass
class Served:
    """A process that serves HTTPS, and how to trust it."""

    process: subprocess.Popen[str]
    address: str
    trust: ssl.SSLContext


@pytest.fixture(scope="module")
def served(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    run_dir = tmp_path_factory.mktemp("run")
    (run_dir / "secrets").mkdir()
    for number, name in enumerate(("master.key", "lookup.key")):
        (run_dir / "secrets" / name).write_text(bytes(range(32 * number, 32 * number + 32)).hex())
    settings = Settings(run_dir=run_dir, tls_host=HOST)
    folder = folder_of(settings)
    folder.ensure()
    environment = os.environ | {
        "DATABASE_APP_URL": prepared.database.app_url,
        "SEMAR_RUN_DIR": str(run_dir),
        "SEMAR_TLS_HOST": HOST,
        "SEMAR_WEB_DIR": str(_pages(tmp_path_factory.mktemp("web"))),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "dispatch", "serve", "--tls", "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said, found = "", None
        for line in process.stdout:
            said += line
            if bound := re.search(rf"HTTPS at \('{HOST}', (\d+)\)", line):
                found = bound
            if "startup complete" in line:
                assert found is not None
                trust = ssl.create_default_context(cafile=folder.authority_certificate)
                yield Served(process, f"https://{HOST}:{found[1]}", trust)
                break
        else:
            pytest.fail(said)
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)[0]
        assert process.returncode in (0, -signal.SIGTERM)
        assert "Traceback" not in rest


def _pages(folder: Path) -> Path:
    (folder / "warga.html").write_text("<!doctype html><title>warga</title>")
    return folder


def test_https_is_the_same_application(served: Served) -> None:
    with httpx.Client(base_url=served.address, verify=served.trust) as client:
        assert client.get("/health").json()["status"] == "ok"
        page = client.get("/warga")
        named = client.get("/warga", headers={"Host": "evil.example; script-src *"})
        check = client.get("/tls-check")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    # Safari before 16 does not count sockets as 'self'
    assert f"connect-src 'self' wss://{served.address.removeprefix('https://')};" in policy
    assert "evil" not in named.headers.get("content-security-policy", "")
    for answer in (page, check):
        assert "strict-transport-security" not in answer.headers
    assert (check.status_code, check.content) == (204, b"")
    assert check.headers["cross-origin-resource-policy"] == "cross-origin"


def test_only_who_trusts_the_authority_gets_in(served: Served) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(f"{served.address}/health", verify=ssl.create_default_context())
    with pytest.raises(httpx.TransportError):
        httpx.get(served.address.replace("https", "http") + "/health")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert httpx.get(f"{served.address}/health", verify=old).status_code == 200
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.address}/health", verify=old)


async def test_sockets_work_over_tls(served: Served) -> None:
    address = served.address.replace("https", "wss")
    async with connect(f"{address}/ws/driver", ssl=served.trust) as socket:
        hello = {"t": "hello", "token": "none", "installation_id": "x", "device_at": "2026-01-01T00:00:00Z"}
        await socket.send(json.dumps(hello))
        async with asyncio.timeout(10):
            await socket.wait_closed()
        assert socket.close_code == 4408, "no hello that can be read came in time"


def _presented(certificate: LiveCertificate, folder: TlsFolder) -> bytes:
    """The certificate that a client is shown now."""
    client = ssl.create_default_context(cafile=folder.authority_certificate)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(incoming, outgoing, server_hostname="localhost")
    right = certificate.context.wrap_bio(outgoing, incoming, server_side=True)
    for _ in range(4):
        for side in (left, right):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = left.getpeercert(binary_form=True)
    assert shown is not None
    return shown


async def test_a_renewed_certificate_is_served_by_the_same_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = TlsFolder(tmp_path, machine=lambda: read_names(["localhost"]))
    live = LiveCertificate(OwnSource(folder))
    before = _presented(live, folder)
    assert not live.refresh()
    folder.ensure(renew=True)
    renewed = asyncio.Event()
    refresh = live.refresh

    def refreshed() -> bool:
        changed = refresh()
        asyncio.run_coroutine_threadsafe(_set(renewed), loop)
        return changed

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(live, "refresh", refreshed)
    following = asyncio.create_task(live.follow(every_s=0.01))
    async with asyncio.timeout(10):
        await renewed.wait()
    following.cancel()
    assert _presented(live, folder) != before


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_a_bad_certificate_never_replaces_a_good_one(tmp_path: Path) -> None:
    folder = TlsFolder(tmp_path, machine=lambda: read_names(["localhost"]))
    folder.ensure()
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path in files:
        path.write_bytes(folder.server.read_bytes())
    live = LiveCertificate(GivenSource(*files))
    before = _presented(live, folder)
    folder.ensure(renew=True)
    files[0].write_bytes(folder.server.read_bytes())  # the key is still the old one
    with pytest.raises(TlsError, match="does not belong"):
        live.refresh()
    assert _presented(live, folder) == before
    files[1].write_bytes(folder.server.read_bytes())
    assert live.refresh()
    assert _presented(live, folder) != before
