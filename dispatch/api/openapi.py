"""The API's description: words, tags, the sockets, and the schemas that no route declares itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from dispatch.api.refusals import SCHEMAS
from dispatch.services.driver_desk import DriverDesk
from dispatch.services.feed import EventView
from dispatch.services.resident_status import CallStatus

TAGS = [
    {"name": "public", "description": "Untuk siapa saja / for anybody"},
    {"name": "sessions", "description": "Masuk dan keluar / signing in and out"},
    {"name": "residents", "description": "Warga / residents"},
    {"name": "operators", "description": "Operator; juga peran admin / also the role admin"},
    {"name": "trackers", "description": "Pelacak kendaraan / trackers built into vehicles"},
    {"name": "crews", "description": "Awak ambulans / crews of ambulances"},
    {"name": "facilities", "description": "Faskes penerima; juga operator / receiving facilities"},
    {
        "name": "replay",
        "description": "Putar ulang kejadian; juga auditor / a case as it was known; also auditors",
    },
    {"name": "health office", "description": "Dinas kesehatan; juga auditor dan admin / also auditor, admin"},
    {"name": "places", "description": "Untuk setiap pengguna yang masuk / for every signed-in user"},
]

DESCRIPTION = """\
SEMAR, pusat pengiriman ambulans. / SEMAR, the ambulance dispatch centre of a regency.

## Conventions

* JSON, `snake_case`. Ids are UUIDs. Times are ISO 8601 with a zone; answers are in UTC. Days in reports are
  local days of the regency. Places are WGS84 degrees: `{"lon": 107.4344, "lat": -6.5459}`.
* A session's token goes into `Authorization: Bearer <token>`, never into an address.
* Everything is seen from the regency the session belongs to; another regency's things are not found (404).
* Every refusal is `application/problem+json` (RFC 9457), schema `Problem`: `code` is stable, `detail` is for
  people in Indonesian, `detail_en` in English. `invalid_input` names every field in `fields`; `illegal_step`
  lists the legal ones in `allowed`; `unit_taken` names the case in `incident`.
* `X-Request-Id` may be sent; it comes back, and events caused by the request carry it. Bodies are at most
  64 kB. After 429 and 503 wait `Retry-After` seconds.
* Where a client makes the id (`POST /api/v1/calls`), the same id with the same content returns the first
  receipt with 200, with other content 409 `content_differs`. Other commands that say so are harmless twice.

## Sockets

All frames are JSON objects with `"t"`. The first client frame must be `hello`, within 5 seconds. A broken
frame is answered by `{"t":"error","problem":{...}}` and the connection lives. Close codes: 4401 not signed
in, 4403 wrong role; 4408 no hello in time, 1012 restart, 1013 not now (connect again).

Every frame of the server carries `n`, counted from 1 on each connection: a hole means that something was
lost, a number not above the last one that the frame came late or twice. `{"t":"ping","id":x}` is answered on
every socket by `{"t":"pong","id":x,"at":...,"seq":m}`: up to event `m` the client has been told all that
concerns it. A client that lacks something asks again (`resume`), or connects anew.

**`/ws/operator`** (operator, admin): `{"t":"hello","token":"...","after":123,"after_recorded_at":"..."}`,
the second as that event had it (or the board its `seq_recorded_at`). The answer is
`{"t":"welcome","seq":n,"at":...,"training":true,"server":...}`, then every event after `after` (after the
head when left out) as `{"t":"event", ...EventView}`, and at most once a second the units that moved:
`{"t":"positions","at":...,"units":[{"id","lon","lat","age_s","speed_ms","heading_deg","quality"}]}`.
The client may send `{"t":"resume","after":m,"after_recorded_at":"...","id":x}`, answered by
`{"t":"resumed","id":x,"after":m,"seq":n}`, the events after `m` and all units' places.
`{"t":"reset","seq":n,"recorded_at":"..."}` says that the log has no such event (it was restored): read the
board again.

**`/ws/resident`**: `{"t":"hello","token":"...","call_id":"..."}`. The answer is `{"t":"welcome"}`, then
`{"t":"status","seq":m, ...CallStatus}` at once, whenever the case changes, and at most every 2 seconds while
an ambulance moves.

**`/ws/driver`** (driver): `{"t":"hello","token":"...","installation_id":"...","device_at":"..."}`. The answer
is `{"t":"welcome","at":...,"clock_offset_s":...}`, then `{"t":"desk", ...DriverDesk}` at once and after every
event that touches the unit or its run. Commands carry an `id` made by the client:

* `{"t":"sign_on","id","call_sign","check"?}`, `{"t":"sign_off","id"}`
* `{"t":"step","id","assignment_id","to", ...fields as in OperatorStep}`
* `{"t":"ack_stand_down","id","assignment_id"}`
* `{"t":"notice_shown","id","notice_id"}` as soon as the page shows one of the desk's `notices`, by itself;
  `{"t":"ack_notice","id","notice_id"}` when somebody has understood it (an offer is answered by its step)
* `{"t":"unavailable","id","reason","note"?,"expected_until"?}`, `{"t":"available","id"}`; both take
  `"device_at"?,"sent_at"?` as a step does, and `"unit_id"?` (409 when another unit is boarded meanwhile)

Each is answered by `{"t":"done","id","result":{...}}` or `{"t":"error","id","problem":{...}}`. Positions go
as `{"t":"positions","sent_at":"...","fixes":[{"seq","at","lon","lat","accuracy_m"?,"speed_ms"?,
"heading_deg"?,"battery"?,"replayed"?}]}`; once committed they are answered by
`{"t":"positions_saved","seqs":[...],"rejected":[{"seq","reason_id","reason_en"}]}`. Keep a fix until its
`seq` is named.
"""


_ON_SOCKETS = (DriverDesk, EventView, CallStatus)


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="SEMAR",
            version=version("semar"),
            summary="Pengiriman ambulans / ambulance dispatch",
            description=DESCRIPTION,
            routes=app.routes,
            tags=TAGS,
            servers=[{"url": "/"}],
            license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(SCHEMAS)
        for view in _ON_SOCKETS:
            for name, schema in _schemas_of(view).items():
                schemas.setdefault(name, schema)
        app.openapi_schema = document
    return app.openapi_schema


def _schemas_of(view: type) -> dict[str, Any]:
    """Return the schema of a view and of all that it holds, by name."""
    schema = TypeAdapter(view).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), view.__name__: schema}
