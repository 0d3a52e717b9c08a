"""A virtual crew: signs on, takes its offer, drives real routes in fast motion, and reports its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from rehearsal import desks, shapes
from rehearsal.client import Connection
from rehearsal.findings import demand
from rehearsal.sockets import Frame, LiveSocket, open_socket
from rehearsal.track import Spot, Track

FIXES_PER_S = 5.0
_ACCURACY_M = 8.0


class VirtualCrew:
    """One driver's phone. `installation` is new for every crew, so its fixes count from 1."""

    def __init__(self, socket: LiveSocket, installation: str) -> None:
        """Use `report_for_duty` instead."""
        self.socket = socket
        self.installation = installation
        self.sent = 0

    @property
    def saved(self) -> set[int]:
        """Numbers of the fixes that the server has committed."""
        frames = [f for f in self.socket.frames if f.get("t") == "positions_saved"]
        return {seq for frame in frames for seq in frame["seqs"]}

    @property
    def rejected(self) -> list[dict[str, Any]]:
        """The fixes that the server would not take, with its reasons."""
        frames = [f for f in self.socket.frames if f.get("t") == "positions_saved"]
        return [fix for frame in frames for fix in frame.get("rejected", [])]

    async def desk(
        self, what: str, due: Callable[[desks.Desk], bool], *, since: int = 0, within_s: float = 8.0
    ) -> desks.Desk:
        """Return the first desk that is as it should be."""

        def matches(frame: Frame) -> bool:
            return frame.get("t") == "desk" and due(msgspec.convert(frame, desks.Desk))

        return msgspec.convert(
            await self.socket.wait(what, matches, since=since, within_s=within_s), desks.Desk
        )

    async def sign_on(self, call_sign: str) -> desks.Aboard:
        """Sign on to a unit, with the start check of vehicle and kit."""
        check = {"vehicle": True, "oxygen": True, "kit": True}
        result = await self.socket.request("sign_on", call_sign=call_sign, check=check)
        return msgspec.convert(result, desks.Aboard)

    async def sign_off(self) -> None:
        """Sign off."""
        await self.socket.request("sign_off")

    async def step(self, assignment_id: UUID, to: str, **fields: Any) -> shapes.StepTaken:
        """Report a step of the run as of now."""
        now = _now()
        result = await self.socket.request(
            "step", assignment_id=str(assignment_id), to=to, device_at=now, sent_at=now, **fields
        )
        return msgspec.convert(result, shapes.StepTaken)

    async def decline_offer(self) -> bool:
        """Decline the offer on the desk; false when there is none."""
        desks_shown = [frame for frame in self.socket.frames if frame.get("t") == "desk"]
        desk = msgspec.convert(desks_shown[-1], desks.Desk) if desks_shown else None
        if desk is None or desk.run is None or desk.run.state != "offered":
            return False
        await self.step(desk.run.assignment_id, "declined", reason="other")
        return True

    async def acknowledge_stand_down(self, assignment_id: UUID) -> None:
        """Say that the crew has seen that it was stood down."""
        await self.socket.request("ack_stand_down", assignment_id=str(assignment_id))

    async def report_position(self, spot: Spot, speed_ms: float) -> int:
        """Send one fix and return its number."""
        self.sent += 1
        now = _now()
        fix = {
            "seq": self.sent,
            "at": now,
            "lon": round(spot.lon, 7),
            "lat": round(spot.lat, 7),
            "accuracy_m": _ACCURACY_M,
            "speed_ms": round(speed_ms, 1),
            "heading_deg": round(spot.heading_deg, 1) % 360.0,
            "battery": 0.87,
        }
        await self.socket.send({"t": "positions", "fixes": [fix], "sent_at": now})
        return self.sent

    async def drive(self, track: Track, road_speed_ms: float, duration_s: float) -> int:
        """Drive the whole track in `duration_s` real seconds and return the number of fixes sent.

        `road_speed_ms` is the speed the vehicle would show at its real pace. Returns when the last fix, at
        the end of the track, is sent.
        """
        loop = asyncio.get_running_loop()
        began, ticks = loop.time(), max(1, round(duration_s * FIXES_PER_S))
        for tick in range(1, ticks):
            share = tick / ticks
            await asyncio.sleep(max(0.0, began + share * duration_s - loop.time()))
            await self.report_position(track.at_share(share), road_speed_ms)
        await asyncio.sleep(max(0.0, began + duration_s - loop.time()))
        await self.report_position(track.at_share(1.0), 0.0)
        return ticks

    async def all_saved(self) -> int:
        """Wait until the server has committed every fix that was sent, and return their number."""
        last = self.sent
        await self.socket.wait(
            f"positions_saved with fix {last}",
            lambda f: (
                f.get("t") == "positions_saved"
                and (last in f["seqs"] or any(fix["seq"] == last for fix in f.get("rejected", [])))
            ),
        )
        rejected = self.rejected
        demand(not rejected, "fixes refused", "none", rejected[:3])
        missing = sorted(set(range(1, last + 1)) - self.saved)
        demand(not missing, "fixes acknowledged", f"all of 1..{last}", f"missing {missing}")
        return last

    async def close(self) -> None:
        """Close the socket."""
        await self.socket.close()


async def report_for_duty(connection: Connection, token: str) -> VirtualCrew:
    """Open the driver's socket with a new installation."""
    installation = str(uuid4())
    hello = {"token": token, "installation_id": installation, "device_at": _now()}
    return VirtualCrew(await open_socket(connection.sockets, "/ws/driver", hello), installation)


def _now() -> str:
    return datetime.now(UTC).isoformat()
