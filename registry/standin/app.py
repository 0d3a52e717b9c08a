"""The stand-in's HTTP side: reads the form, checks the credentials, answers in the service's envelope."""

import hmac
import json
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from registry.nik import NikError, parse_nik
from registry.population import Population
from registry.standin.matching import compare

LABEL = ("X-Registry", "synthetic")
LARGEST_REQUEST = 64 * 1024
_LOGIN_FAILED = {"RESPON": "Login Gagal"}
_BAD_FORM = {"RESPON": "Format Permintaan Tidak Sesuai"}
_NOT_FOUND = {
    "RESPONSE_CODE": "13",
    "RESPON": "Data Tidak Ditemukan, NIK tidak terdapat di database Kependudukan",
}
_NOT_A_NIK = {
    "RESPONSE_CODE": "15",
    "RESPON": "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the stand-in expects in `user_id` and `password`."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"

    def fit(self, form: dict[str, str]) -> bool:
        """Whether the form carries these credentials, in a time that does not depend on how much of them."""
        same_user = hmac.compare_digest(_bytes(form.get("USER_ID", "")), _bytes(self.user))
        same_password = hmac.compare_digest(_bytes(form.get("PASSWORD", "")), _bytes(self.password))
        return same_user and same_password


class BadForm(ValueError):
    """A request that is not the element form."""


def create_app(population: Population, credentials: Credentials) -> FastAPI:
    """The application: `POST /` or `POST /dukcapil/get_json/<agency>/<method>`, and `GET /health`."""
    app = FastAPI(title="SEMAR registry stand-in", docs_url=None, redoc_url=None, openapi_url=None)

    async def verify(request: Request) -> JSONResponse:
        try:
            form = _form(await _body(request))
        except BadForm:
            return _answer(_BAD_FORM, status=400)
        if not credentials.fit(form):
            return _answer(_LOGIN_FAILED)
        try:
            return _answer(_look_up(population, form))
        except BadForm:
            return _answer(_BAD_FORM, status=400)

    async def health() -> dict[str, Any]:
        return {"status": "ok", "synthetic": True, "residents": len(population)}

    app.add_api_route("/", verify, methods=["POST"])
    app.add_api_route("/dukcapil/get_json/{agency}/{method}", verify, methods=["POST"])
    app.add_api_route("/health", health, methods=["GET"])
    return app


def _look_up(population: Population, form: dict[str, str]) -> dict[str, str]:
    threshold = _threshold(form.get("TRESHOLD", "100"))
    try:
        nik = parse_nik(form.get("NIK", ""))
    except NikError:
        return _NOT_A_NIK
    person = population.find(nik.value)
    return _NOT_FOUND if person is None else compare(form, person, threshold)


def _threshold(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 3 or int(text) > 100:
        raise BadForm
    return int(text)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_REQUEST:
            raise BadForm
    return bytes(body)


def _form(body: bytes) -> dict[str, str]:
    """The form with upper-case names: both `user_id` and `USER_ID` are in use. Numbers may come unquoted."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadForm from None
    if not isinstance(document, dict):
        raise BadForm
    return {
        name.upper(): str(value)
        for name, value in document.items()
        if isinstance(value, str) or type(value) is int
    }


def _answer(content: dict[str, str], *, status: int = 200) -> JSONResponse:
    envelope = {
        "content": [content],
        "lastPage": True,
        "numberOfElements": 1,
        "sort": None,
        "totalElements": 1,
        "firstPage": True,
        "number": 0,
        "size": 1,
    }
    return JSONResponse(envelope, status_code=status)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
