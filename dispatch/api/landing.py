"""The page at `/`: says in plain words what runs here. Nothing on it is loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse, RedirectResponse

from dispatch.api.routes import routes
from dispatch.api.signed_in import TheCentre
from dispatch.services.tenants import TenantEntry

router = routes()

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.05rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin-bottom: 0; }
.en { opacity: .75; }
.latihan { background: #b00020; color: #fff; font-weight: 700; letter-spacing: .2em; padding: .3rem 1rem; }
li { margin: .3rem 0; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/")
async def landing(centre: TheCentre) -> HTMLResponse:
    """Return the page."""
    tenants = await centre.tenants.all()
    return HTMLResponse(page(tenants), headers={"Content-Security-Policy": POLICY})


@router.get("/docs")
async def docs() -> RedirectResponse:
    """Lead those who look for the usual address to the page that names the API's description."""
    return RedirectResponse("/")


def page(tenants: list[TenantEntry]) -> str:
    """Return the page for these tenants; without any live one it says LATIHAN."""
    training = all(entry.tenant.training for entry in tenants)
    banner = "<p class='latihan'>LATIHAN</p>" if training else ""
    return f"""<!doctype html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SEMAR{" - LATIHAN" if training else ""}</title>
<style>{_STYLE}</style>
</head>
<body>
{banner}
<h1>SEMAR</h1>
<p>Pusat pengiriman ambulans. Alamat ini melayani aplikasi warga, operator, pengemudi, faskes dan dinas
kesehatan.<br><span class="en" lang="en">Ambulance dispatch centre. This address serves the applications of
residents, operators, drivers, facilities and the health office.</span></p>
<p><strong>Keadaan darurat: telepon 119.</strong>
<span class="en" lang="en">In an emergency phone 119.</span></p>
<h2>Regency</h2>
<ul>
{_rows(tenants)}
</ul>
<h2>Untuk pengembang <span class="en" lang="en">For developers</span></h2>
<ul>
<li><a href="/openapi.json">/openapi.json</a>: uraian API
<span class="en" lang="en">description of the API</span></li>
<li><a href="/health">/health</a>: keadaan sistem <span class="en" lang="en">state of the system</span></li>
</ul>
</body>
</html>
"""


def _rows(tenants: list[TenantEntry]) -> str:
    if not tenants:
        return "<li>Belum ada. <span class='en' lang='en'>None yet.</span></li>"
    return "\n".join(
        f"<li>{escape(entry.tenant.name)} (<code>{escape(entry.tenant.slug)}</code>)"
        f"{' LATIHAN' if entry.tenant.training else ''}</li>"
        for entry in tenants
    )
