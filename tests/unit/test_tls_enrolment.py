"""The page that enrols phones: what it gives out, what it leads to, and that nothing else is there."""

from __future__ import annotations

import io
import ipaddress
import plistlib
import re
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from dispatch.tls.enrolment import Enrolment, create_app
from dispatch.tls.folder import Standing, TlsFolder
from dispatch.tls.machine import LOOPBACK, Names

ADDRESS, IPV6 = ipaddress.ip_address("192.168.7.20"), ipaddress.ip_address("fd00::20")
NAMES = Names(("ambulans.local", "localhost"), (ADDRESS, IPV6, *LOOPBACK))


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    return TlsFolder(tmp_path, machine=lambda: NAMES)


@pytest.fixture
def standing(folder: TlsFolder) -> Standing:
    return folder.ensure()


def client(folder: TlsFolder, host: str = "192.168.7.20:8080") -> httpx.AsyncClient:
    app = create_app(Enrolment(folder, 8443, 8080))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}")


async def test_the_page_leads_to_https_and_shows_the_fingerprint(
    folder: TlsFolder, standing: Standing
) -> None:
    async with client(folder) as phone:
        page = await phone.get("/")
        assert page.status_code == 200
        assert (await phone.head("/")).content == b""
    assert 'href="https://192.168.7.20:8443/pengemudi"' in page.text
    assert re.sub(r"[^0-9A-F]", "", standing.fingerprint) in re.sub(r"[: ]", "", page.text)
    assert page.text.count('lang="id"') > 10
    assert "strict-transport-security" not in page.headers
    rules = dict(rule.strip().split(" ", 1) for rule in page.headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "https://192.168.7.20:8443"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert not re.search(r"<style|style=|<script>|onclick", page.text)


async def test_the_certificate_in_every_form(folder: TlsFolder, standing: Standing) -> None:
    async with client(folder) as phone:
        der, pem = await phone.get("/semar-ca.crt"), await phone.get("/semar-ca.pem")
        profile = await phone.get("/semar.mobileconfig")
    assert der.headers["content-type"] == "application/x-x509-ca-cert"
    assert x509.load_der_x509_certificate(der.content) == standing.authority
    assert x509.load_pem_x509_certificate(pem.content) == standing.authority
    assert profile.headers["content-type"] == "application/x-apple-aspen-config"
    content = plistlib.load(io.BytesIO(profile.content))
    (root,) = content["PayloadContent"]
    assert root["PayloadType"] == "com.apple.security.root"
    assert root["PayloadContent"] == der.content
    for answer in (der, pem, profile):
        assert b"PRIVATE" not in answer.content
        assert "attachment" in answer.headers["content-disposition"]
    assert standing.authority.fingerprint(hashes.SHA256()).hex(":").upper() == standing.fingerprint


@pytest.mark.parametrize(
    ("came_by", "led_to", "checked"),
    [
        ("ambulans.local:8080", "https://ambulans.local:8443", True),
        ("127.0.0.1:8080", "https://127.0.0.1:8443", True),
        ("[fd00::20]:8080", "https://[fd00::20]:8443", False),
        ("somewhere.example", "https://192.168.7.20:8443", True),
        ("192.168.7.20.evil.example:8080", "https://192.168.7.20:8443", True),
    ],
)
async def test_a_phone_stays_with_the_name_it_came_by_if_the_certificate_has_it(
    folder: TlsFolder, standing: Standing, came_by: str, led_to: str, checked: bool
) -> None:
    async with client(folder, came_by) as phone:
        page = await phone.get("/")
    assert f'href="{led_to}/warga"' in page.text
    policy = page.headers["content-security-policy"]
    assert f"connect-src {led_to if checked else chr(39) + 'none' + chr(39)};" in policy
    assert "example" not in page.text
    assert "http://127.0.0.1:8080/" not in page.text, "no other phone can come by that"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_only_reading(folder: TlsFolder, standing: Standing, method: str) -> None:
    async with client(folder) as phone:
        assert (await phone.request(method, "/")).status_code == 405


@pytest.mark.parametrize(
    "address",
    [
        *("/operator", "/warga", "/health", "/api/v1/tenants", "/openapi.json", "/tls-check", "/ws/driver"),
        *("/authority.key", "/server.pem", "/secrets/tls/authority.key", "/page/enrolment.js"),
        *("/..%2fauthority.key", "/%2e%2e/server.pem", "/semar-ca.crt/", "/enrolment.css.gz"),
    ],
)
async def test_nothing_else_is_there(folder: TlsFolder, standing: Standing, address: str) -> None:
    async with client(folder) as phone:
        answer = await phone.get(address)
    assert answer.status_code == 404
    assert "pendaftaran" in answer.text
