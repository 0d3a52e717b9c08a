"""Virtual residents: they call, call again, lose the line, change their minds, and watch the map."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from uuid import UUID, uuid4

from registry.population import Population, SyntheticResident
from rehearsal import shapes
from rehearsal.cast import registration
from rehearsal.client import Client, ResidentClient
from rehearsal.dice import dice
from rehearsal.ensemble import Ensemble
from rehearsal.findings import Mismatch, Refused
from rehearsal.logbook import Line, Overtaken, persist
from rehearsal.scenario import Scenario, Script
from rehearsal.wire import Frame, Wire

_PEOPLE_TRIED = 40
_LONG_WITHOUT_SIGNAL_S = 240.0
_FOLLOWS_AT_MOST_S = 5400.0
_TWICE_TAPPED_S = 1.5


class Callers:
    """The residents of one rehearsal.

    phone_rings: is told of those who call by telephone.
    accounts: private file with the tokens of residents registered earlier.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        script: Script,
        accounts: Path,
        phone_rings: Callable[[Scenario], None],
    ) -> None:
        self._all = ensemble
        self._script = script
        self._people: Population = script.people
        self._accounts = accounts
        self._phone_rings = phone_rings
        self._known: dict[str, list[str]] = _read(accounts)
        self._registering = asyncio.Lock()
        self.called = 0

    async def run(self) -> None:
        """Have people call, each in their time, until the play's hours are over."""
        hours = self._all.wishes.hours
        for scenario in self._script.scenarios(self._all.pace.now()):
            if hours is not None and scenario.at_s > hours * 3600:
                return
            await self._all.pace.wait(scenario.at_s - self._all.pace.elapsed_s)
            self.called += 1
            if scenario.channel == "phone":
                self._phone_rings(scenario)
            else:
                self._all.spawn(self._call(scenario), f"caller {scenario.number}")

    async def _call(self, scenario: Scenario) -> None:
        by, client = await self._account(scenario)
        try:
            call_id = await self._ask_for_help(by, client, scenario)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
            # an account of an earlier database
            self._known.clear()
            by, client = await self._account(scenario)
            call_id = await self._ask_for_help(by, client, scenario)
        later = [self._locate(by, client, call_id, scenario)]
        if scenario.cancels_after_s is not None:
            later.append(self._cancel(by, client, call_id, scenario.cancels_after_s))
        if scenario.calls_again_after_s is not None:
            later.append(self._call_again(by, client, scenario, scenario.calls_again_after_s))
        if scenario.follows:
            later.append(self._follow(client, call_id))
        for work in later:
            self._all.spawn(work, f"caller {scenario.number}")

    async def _ask_for_help(self, by: str, client: ResidentClient, scenario: Scenario) -> UUID:
        call_id = uuid4()
        request: dict[str, object] = {"id": call_id, "note": scenario.note}
        if self._all.pace.speed_factor is not None:
            request["speed_factor"] = self._all.pace.speed_factor
        if scenario.locates == "at_once" and not scenario.drops_line:
            request |= {"place": _point(scenario.place), "place_accuracy_m": 15.0}
        self._all.scenario_of_call[str(call_id)] = scenario

        async def send() -> shapes.Receipt:
            return await client.ask(shapes.Receipt, "POST", "/calls", request)

        simulated = self._all.pace.speed_factor is not None
        about: Line = {"call": str(call_id), "number": scenario.number, "channel": "app"}
        about["simulated"] = simulated
        await self._all.log.act(by, "call", send, **about)
        if scenario.repeats:
            await self._all.pace.wait(_TWICE_TAPPED_S)
            again = await self._all.log.act(by, "tap_again", send, **about)
            if not again.repeated:
                self._all.log.surprise(f"a repeated tap became a second call: {call_id}")
        return call_id

    async def _locate(self, by: str, client: ResidentClient, call_id: UUID, scenario: Scenario) -> None:
        if scenario.locates == "never" or (scenario.locates == "at_once" and not scenario.drops_line):
            return
        await self._all.pace.wait(
            scenario.locates_after_s + (_LONG_WITHOUT_SIGNAL_S if scenario.drops_line else 0.0)
        )
        if str(call_id) in self._all.casebook.calls:
            await self._all.log.act(
                by, "locate", lambda: client.place(call_id, scenario.place, 15.0), call=str(call_id)
            )

    async def _cancel(self, by: str, client: ResidentClient, call_id: UUID, after_s: float) -> None:
        await self._all.pace.wait(after_s)
        if str(call_id) in self._all.casebook.calls:
            await self._all.log.act(by, "cancel_call", lambda: client.cancel(call_id), call=str(call_id))

    async def _call_again(self, by: str, client: ResidentClient, scenario: Scenario, after_s: float) -> None:
        await self._all.pace.wait(after_s)
        await self._ask_for_help(by, client, replace(scenario, repeats=False))

    async def _follow(self, client: ResidentClient, call_id: UUID) -> None:
        """Watch the status screen until the case has ended."""
        ended = asyncio.Event()

        def hear(frame: Frame) -> None:
            if frame.get("t") == "status":
                self._all.log.counts["statuses"] += 1
                if frame.get("progress") in ("ended", "cancelled", "disposed"):
                    ended.set()

        async def nothing_to_renew() -> None:
            ended.set()

        hello = {"token": client.token, "call_id": str(call_id)}
        address = f"{self._all.connection.sockets}/ws/resident"
        watching = asyncio.create_task(Wire(address, lambda: hello, hear, nothing_to_renew).run())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._all.pace.real(_FOLLOWS_AT_MOST_S)):
                    await ended.wait()
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _account(self, scenario: Scenario) -> tuple[str, ResidentClient]:
        """Return the caller's account: the one made earlier, or a new one. Who is registered already with
        somebody else is replaced by another person.

        Raises:
            Mismatch: everybody asked is registered already.
        """
        async with self._registering:
            throws = dice(self._all.seed, "stand-in", scenario.number)
            person = scenario.person
            for _ in range(_PEOPLE_TRIED):
                if person.nik in self._known:
                    token, resident_id = self._known[person.nik]
                    return self._own(resident_id), ResidentClient(self._all.connection, token)
                try:
                    return await self._register(person, scenario.place)
                except Overtaken:
                    person = self._people.person(throws.randrange(len(self._people)))
            raise Mismatch("a resident to be", "one who is not registered", f"{_PEOPLE_TRIED} are")

    async def _register(self, person: SyntheticResident, home: shapes.Place) -> tuple[str, ResidentClient]:
        form = registration(person, self._all.wishes.regency, "") | {"home": _point(home)}
        del form["password"]  # nobody signs in on another device
        public = Client(self._all.connection)
        try:
            made = await persist(lambda: public.register(form))
        except Refused as refused:
            if refused.status == HTTPStatus.CONFLICT:
                raise Overtaken("registered already") from refused
            raise
        self._all.log.counts["register"] += 1
        self._known[person.nik] = [made.session.token, str(made.resident_id)]
        _write(self._accounts, self._known)
        return self._own(str(made.resident_id)), ResidentClient(self._all.connection, made.session.token)

    def _own(self, resident_id: str) -> str:
        by = f"resident:{resident_id}"
        self._all.casebook.own.add(by)
        return by


def _point(place: shapes.Place) -> dict[str, float]:
    return {"lon": place.lon, "lat": place.lat}


def _read(path: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, known: dict[str, list[str]]) -> None:
    draft = path.with_name(f".{path.name}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(known), encoding="utf-8")
    draft.replace(path)
