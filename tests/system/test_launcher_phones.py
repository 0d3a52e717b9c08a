"""`dispatch run` with HTTPS for phones: what it starts, says and keeps, with small programs in between."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import test_launcher as toys

from dispatch.tls.folder import TlsFolder

HOST = "127.0.0.2"
# HTTPS as `serve --tls` binds it, without the application behind it
SERVE_TLS = """
import os, ssl
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
server = HTTPServer((os.environ["SEMAR_TLS_HOST"], int(os.environ["SEMAR_TLS_PORT"])), Hello)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
files = [os.environ.get("SEMAR_TLS_CERT"), os.environ.get("SEMAR_TLS_KEY")]
own = Path(os.environ["SEMAR_RUN_DIR"]) / "secrets" / "tls" / "server.pem"
context.load_cert_chain(*(files if files[0] else [own]))
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
LAUNCH = toys.LAUNCH.replace("rehearsal=(),", f"rehearsal=(), serve_tls=('-c', {SERVE_TLS!r}),")


class Launched(toys.Launched):
    """A launcher that serves HTTPS on ports of its own."""

    def __init__(self, run_dir: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
        monkeypatch.setattr(toys, "LAUNCH", LAUNCH)
        ports = {"SEMAR_TLS_HOST": HOST, "SEMAR_TLS_PORT": "0", "SEMAR_ENROL_PORT": "0"}
        super().__init__(run_dir, **{**ports, **environment})

    @property
    def addresses(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.run_dir / "addresses.json").read_text())
        return found


@pytest.fixture
def run_dir(server_folder: Path, request: pytest.FixtureRequest) -> Path:
    return server_folder / f"phones-{request.node.name[:40]}" / ".run"


def dispatch(run_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dispatch", *arguments],
        env={"PATH": "/usr/bin:/bin", "SEMAR_RUN_DIR": str(run_dir), "SEMAR_TLS_HOST": HOST},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_certificates_phones_are_only_told_how(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = Launched(run_dir, monkeypatch).ready()
    assert set(launch.addresses) == {"serve", "registry"}
    assert "make tls" in launch.output
    assert launch.end(toys.signal.SIGINT) == 0
    assert not (run_dir / "secrets" / "tls").exists()


def test_once_made_phones_are_served_and_enrolled(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = dispatch(run_dir, "tls", "make")
    assert made.returncode == 0, made.stderr
    assert {f.stat().st_mode & 0o777 for f in (run_dir, run_dir / "secrets")} == {0o700}
    authority = TlsFolder(run_dir).authority_certificate.read_bytes()
    launch = Launched(run_dir, monkeypatch).ready()
    try:
        trust = ssl.create_default_context(cafile=TlsFolder(run_dir).authority_certificate)
        assert httpx.get(launch.addresses["https"], verify=trust).status_code == 200
        assert launch.addresses["https"].startswith(f"https://{HOST}:")
        page = httpx.get(launch.addresses["enrolment"])
        assert f'href="{launch.addresses["https"]}/pengemudi"' in page.text
        assert httpx.get(f"{launch.addresses['enrolment']}health").status_code == 404
        assert httpx.get(f"{launch.address}/health").status_code == 200, "loopback stays as it was"
        for word in (launch.addresses["https"], launch.addresses["enrolment"], "fingerprint"):
            assert word in launch.output
        shown = dispatch(run_dir, "tls", "show")
        assert launch.addresses["enrolment"] in shown.stdout
        assert "Jaga" in shown.stdout
        assert dispatch(run_dir, "tls", "renew").returncode == 0
        assert TlsFolder(run_dir).authority_certificate.read_bytes() == authority
    finally:
        assert launch.end(toys.signal.SIGTERM) == 0
    assert toys.processes_of(run_dir) == []
    assert not (run_dir / "addresses.json").exists()


def test_busy_ports_give_the_next_and_say_so(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as https, socket.create_server((HOST, 0)) as enrolment:
        taken = [str(s.getsockname()[1]) for s in (https, enrolment)]
        wanted = {"SEMAR_TLS": "on", "SEMAR_TLS_PORT": taken[0], "SEMAR_ENROL_PORT": taken[1]}
        launch = Launched(run_dir, monkeypatch, **wanted).ready()
        try:
            for port, name in zip(taken, ("https", "enrolment"), strict=True):
                assert f"port {port} sedang dipakai / is in use" in launch.output
                assert f":{port}" not in launch.addresses[name]
        finally:
            assert launch.end(toys.signal.SIGTERM) == 0


def test_a_given_certificate_needs_no_enrolment(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = TlsFolder(tmp_path)
    elsewhere.ensure([HOST])
    files = {"SEMAR_TLS_CERT": str(elsewhere.server), "SEMAR_TLS_KEY": str(elsewhere.server)}
    launch = Launched(run_dir, monkeypatch, **files).ready()
    try:
        assert set(launch.addresses) == {"serve", "registry", "https"}
        assert not (run_dir / "secrets" / "tls").exists()
    finally:
        assert launch.end(toys.signal.SIGTERM) == 0


def test_a_bad_given_certificate_stops_the_start_in_both_languages(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch = Launched(run_dir, monkeypatch, SEMAR_TLS_CERT=str(tmp_path / "absent.pem"))
    assert launch.end() == 1
    assert "harus diisi keduanya" in launch.output
    assert "must both be set" in launch.output
    assert toys.processes_of(run_dir) == []


def test_off_is_off(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TlsFolder(run_dir).ensure()
    launch = Launched(run_dir, monkeypatch, SEMAR_TLS="off").ready()
    assert set(launch.addresses) == {"serve", "registry"}
    assert launch.end(toys.signal.SIGINT) == 0
