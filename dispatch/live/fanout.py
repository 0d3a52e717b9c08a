"""Moved units on their way to the screens: one snapshot per regency and second, across processes by Redis.

What this process stored is shown to its own consoles without Redis, whatever becomes of Redis.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.clock import Clock
from dispatch.domain.unit import PositionQuality, place_quality
from dispatch.live import frames
from dispatch.services.save_positions import MovedUnit

CHANNEL = "semar:positions:"
TICK_S = 1.0
AFTER_S = 0.2
"""How long after the full second: a busy intake begins its batches on it, and has committed them by then."""
_SLICE = 500
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_REDIS_TIMEOUT_S = 2.0

logger = logging.getLogger(__name__)


class Bulletin(msgspec.Struct):
    """What one process tells the others of one regency."""

    origin: str
    units: list[MovedUnit]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Bulletin)


class Snapshot:
    """Units that moved, as one frame for all consoles."""

    __slots__ = ("_at", "_frame", "_shown", "at", "units")

    def __init__(self, at: datetime, units: dict[UUID, MovedUnit]) -> None:
        self.at = at
        self._at = at.timestamp()
        self.units = units
        self._frame: str | None = None
        self._shown: list[_Shown] = []

    async def prepare(self) -> None:
        """Do most of the frame's work, a little at a time: with thousands of units others would wait."""
        for number, unit in enumerate(self.units.values(), 1):
            self._shown.append(_shown(unit, self._at))
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    def followed_by(self, later: Snapshot) -> Snapshot:
        """Return both in one: for a console that did not take the first in time."""
        return Snapshot(later.at, {**self.units, **later.units})

    @property
    def frame(self) -> str:
        """The snapshot as consoles get it; ages are as of `at`."""
        if self._frame is None:
            units = self._shown or [_shown(unit, self._at) for unit in self.units.values()]
            self._frame = frames.write("positions", at=self.at, units=units)
        return self._frame


class _Shown(msgspec.Struct):
    """A moved unit as consoles get it."""

    id: UUID
    lon: float
    lat: float
    age_s: float
    speed_ms: float | None
    heading_deg: float | None
    quality: PositionQuality
    road_lon: float | None
    road_lat: float | None


def _shown(unit: MovedUnit, at: float) -> _Shown:
    return _Shown(
        unit.unit_id,
        unit.lon,
        unit.lat,
        round(max(0.0, at - unit.at), 1),
        unit.speed_ms,
        unit.heading_deg,
        place_quality(at - unit.at, on_run=unit.incident_id is not None),
        unit.road_lon,
        unit.road_lat,
    )


class Fanout:
    """The moved units of one process, those of the others, and who in this process wants to know."""

    def __init__(self, redis_url: str, origin: str, clock: Clock) -> None:
        """`origin` tells this process's bulletins from others'; an empty `redis_url`: no Redis."""
        self._redis_url = redis_url
        self._origin = origin
        self._clock = clock
        self._listeners: defaultdict[int, set[Callable[[Snapshot], None]]] = defaultdict(set)
        self._fresh: defaultdict[int, dict[UUID, MovedUnit]] = defaultdict(dict)
        self._own: defaultdict[int, dict[UUID, MovedUnit]] = defaultdict(dict)
        self._to_publish = asyncio.Event()
        self._head = _encoder.encode(Bulletin(origin, []))[: -len(b"]}")]
        self._knock = self._head + b"]}"
        self.redis_connected = False

    def moved(self, regency_id: int, units: Iterable[MovedUnit]) -> None:
        """Units of this process's own phones have moved, and that is committed."""
        by_id = {unit.unit_id: unit for unit in units}
        self._fresh[regency_id].update(by_id)
        if self._redis_url:
            self._own[regency_id].update(by_id)

    @asynccontextmanager
    async def listening(self, regency_id: int, listener: Callable[[Snapshot], None]) -> AsyncIterator[None]:
        """Call `listener` with a snapshot at most once a second, for as long as the context lasts."""
        self._listeners[regency_id].add(listener)
        try:
            yield
        finally:
            self._listeners[regency_id].discard(listener)

    async def tick(self) -> None:
        """Deliver and hand over for publishing once a second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            elapsed = (loop.time() - AFTER_S) % TICK_S
            await asyncio.sleep(TICK_S - elapsed)
            fresh, self._fresh = self._fresh, defaultdict(dict)
            now = self._clock()
            for regency_id, units in fresh.items():
                snapshot = Snapshot(now, units)
                if self._listeners[regency_id]:
                    await snapshot.prepare()
                for listener in list(self._listeners[regency_id]):
                    listener(snapshot)
            if self._own:
                self._to_publish.set()

    async def publish(self) -> None:
        """Tell the other processes what moved here, until cancelled; what Redis misses is not kept."""
        if not self._redis_url:
            return
        async with self._client(_REDIS_TIMEOUT_S) as redis:
            while True:
                await self._to_publish.wait()
                self._to_publish.clear()
                own, self._own = self._own, defaultdict(dict)
                try:
                    for regency_id, units in own.items():
                        # a thousand units are worth the question whether anybody but this process listens
                        listening = await redis.publish(f"{CHANNEL}{regency_id}", self._knock)
                        if listening > (1 if self.redis_connected else 0):
                            told = _encoder.encode(Bulletin(self._origin, list(units.values())))
                            await redis.publish(f"{CHANNEL}{regency_id}", told)
                except (RedisError, OSError) as failure:
                    logger.warning("positions are not passed on, Redis is away: %s", failure)

    async def receive(self) -> None:
        """Take in what moved at other processes, until cancelled; Redis may come and go."""
        if not self._redis_url:
            return
        pause = _FIRST_PAUSE_S
        while True:
            try:
                # a subscription is silent while nothing moves: no time limit
                async with self._client(None) as redis, redis.pubsub() as channel:
                    await channel.psubscribe(f"{CHANNEL}*")
                    async for message in channel.listen():
                        if message["type"] == "psubscribe":
                            self.redis_connected, pause = True, _FIRST_PAUSE_S
                        elif message["type"] == "pmessage":
                            self._take_in(message["channel"], message["data"])
            except (RedisError, OSError) as failure:
                logger.warning("no positions of other processes, Redis is away: %s", failure)
            finally:
                self.redis_connected = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _take_in(self, channel: bytes, data: bytes) -> None:
        regency = channel.decode().removeprefix(CHANNEL)
        if not regency.isdigit() or not self._listeners.get(int(regency)) or data.startswith(self._head):
            return
        try:
            bulletin = _decoder.decode(data)
        except msgspec.DecodeError as broken:
            logger.warning("a bulletin of positions cannot be read: %s", broken)
            return
        fresh = self._fresh[int(regency)]
        for unit in bulletin.units:
            known = fresh.get(unit.unit_id)
            if known is None or known.at <= unit.at:
                fresh[unit.unit_id] = unit

    def _client(self, timeout_s: float | None) -> Redis:
        return Redis.from_url(
            self._redis_url, socket_connect_timeout=_REDIS_TIMEOUT_S, socket_timeout=timeout_s
        )
