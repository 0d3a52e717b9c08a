"""Refusals on the wire: problem details (RFC 9457) in both languages, made here for every kind of failure."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

from asyncpg import InterfaceError, PostgresError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

import routing
from dispatch.api.validation_words import broken_text, in_both_languages, unreadable_body
from dispatch.domain.errors import DispatchError, FieldProblem, InvalidInput, TooManyRequests, Unavailable
from dispatch.domain.problems import problem_document
from dispatch.services.road_refusals import in_words
from dispatch.storage.outages import away, is_passing

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2


class NoSuchRoute(DispatchError):
    """The address is none of ours."""

    code = "not_found"
    status = 404


class MethodNotAllowed(DispatchError):
    """The address exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


class TooLarge(DispatchError):
    """The body is larger than any request has reason to be."""

    code = "too_large"
    status = 413


class Fault(DispatchError):
    """A fault in the program; `reference` finds it in the log, the client learns nothing else."""

    code = "internal"
    status = 500


def problem_response(error: DispatchError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer that carries a refusal."""
    more = dict(headers or {})
    if error.status == 401:
        more["WWW-Authenticate"] = 'Bearer realm="semar"'
    if isinstance(error, TooManyRequests | Unavailable):
        more["Retry-After"] = str(error.extra.get("retry_after_s", RETRY_AFTER_S))
    return JSONResponse(
        problem_document(error), status_code=error.status, headers=more, media_type=MEDIA_TYPE
    )


def fault(error: Exception) -> JSONResponse:
    """Log an unexpected error under a new reference and return the answer that names only the reference."""
    reference = str(uuid4())
    log.error("fault %s", reference, exc_info=error)
    return problem_response(
        Fault(
            f"Kesalahan dalam sistem; sebutkan nomor {reference} kepada pengelola",
            f"A fault in the system; tell its keeper the number {reference}",
            reference=reference,
        )
    )


def _unreachable(error: Exception) -> JSONResponse:
    log.warning("not reachable now: %s: %s", type(error).__name__, error)
    return problem_response(away(error))


@contextmanager
def fields_named(names: Mapping[str, str]) -> Iterator[None]:
    """Give the fields of a service's refusal the names they have on the wire."""
    try:
        yield
    except InvalidInput as wrong:
        raise InvalidInput(
            *(FieldProblem(names.get(p.field, p.field), p.reason_id, p.reason_en) for p in wrong.problems)
        ) from wrong


def install(app: FastAPI) -> None:
    """Let every failure of `app` be answered by a problem document."""
    app.add_exception_handler(DispatchError, _refusal)
    app.add_exception_handler(RequestValidationError, _bad_values)
    app.add_exception_handler(UnicodeEncodeError, _not_unicode)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(routing.RoutingError, _no_such_way)
    # the driver's, the pool's, and those of sockets and disks that do not answer
    for kind in (DBAPIError, PostgresError, InterfaceError, PoolTimeout, OSError):
        app.add_exception_handler(kind, _surroundings)


async def _refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DispatchError)
    return problem_response(error)


async def _bad_values(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem_response(in_both_languages(error.errors()))


async def _no_such_way(_request: Request, error: Exception) -> JSONResponse:
    # services name the field where they know it; what slips through is still a refusal and no fault
    assert isinstance(error, routing.RoutingError)
    return problem_response(in_words(error, "place"))


async def _not_unicode(_request: Request, _error: Exception) -> JSONResponse:
    # JSON can spell half a character, which no text may hold; validation stumbles over it while it reports
    return problem_response(broken_text())


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    path = request.url.path
    match error.status_code:
        case 400:
            return problem_response(unreadable_body())
        case 404:
            return problem_response(
                NoSuchRoute(f"Tidak ada apa-apa di {path}", f"There is nothing at {path}"), error.headers
            )
        case 405:
            return problem_response(
                MethodNotAllowed(
                    f"{request.method} tidak didukung di {path}", f"{path} does not take {request.method}"
                ),
                error.headers,
            )
        case 413:
            return problem_response(too_large())
        case _:
            return fault(error)


async def _surroundings(_request: Request, error: Exception) -> JSONResponse:
    return _unreachable(error) if is_passing(error) else fault(error)


def too_large() -> TooLarge:
    """Return the refusal of a body that is too large."""
    return TooLarge("Isi permintaan lebih dari 64 kB", "The body is larger than 64 kB")
