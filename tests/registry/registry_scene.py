"""What the registry's tests are made of: a regency folder, stand-in processes, servers that misbehave."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from registry import Claim
from registry.population import SyntheticResident

USER, PASSWORD = "semar-uji", "rahasia-uji-7731"
DISTRICTS = {"32.14.01": "Purwakarta", "32.14.03": "Jatiluhur", "32.14.15": "Sukasari"}
VILLAGES = {
    "32.14.01.1001": "Nagri Kidul",
    "32.14.01.2002": "Citalang",
    "32.14.03.2001": "Kutamanah",
    "32.14.03.2010": "Jatiluhur",
    "32.14.15.2001": "Ciririp",
}


def write_bundle(
    folder: Path, code: str, name: str, districts: dict[str, str], villages: dict[str, str]
) -> Path:
    folder.mkdir()
    (folder / "regency.toml").write_text(f'[regency]\ncode = "{code}"\nname = "{name}"\n', encoding="utf-8")
    for stem, places in (("districts", districts), ("villages", villages)):
        features = [
            {"type": "Feature", "properties": {"code": key, "name": value}, "geometry": None}
            for key, value in places.items()
        ]
        document = {"type": "FeatureCollection", "features": features}
        (folder / f"{stem}.geojson").write_text(json.dumps(document), encoding="utf-8")
    return folder


def claim_of(person: SyntheticResident, **changes: Any) -> Claim:
    """A claim in which everything agrees with the record, but for the changes."""
    truth = Claim(
        nik=person.nik,
        name=person.name,
        birth_place=person.birth_place,
        birth_date=person.birth_date,
        sex=person.sex,
        address=person.address,
        rt=person.rt,
        rw=person.rw,
        village=person.village,
        district=person.district,
        regency=person.regency,
        province=person.province,
    )
    return replace(truth, **changes)


@dataclass(frozen=True)
class StandIn:
    """A running stand-in; `stop` ends it with a signal and returns its exit code."""

    address: str
    process: subprocess.Popen[str]

    def stop(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.process.wait(timeout=20)


def start_standin(bundle: Path) -> StandIn:
    environment = {**os.environ, "SEMAR_REGISTRY_USER": USER, "SEMAR_REGISTRY_PASSWORD": PASSWORD}
    process = subprocess.Popen(
        [sys.executable, "-m", "registry.standin", "--bundle", str(bundle), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    return StandIn(json.loads(process.stdout.readline())["address"], process)


@asynccontextmanager
async def tcp_server(answer: bytes, hang: bool) -> AsyncIterator[str]:
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(
            next(line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        )
        await reader.readexactly(length)
        writer.write(answer)
        await writer.drain()
        if hang:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/elemen"
        over.set()


def http_answer(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def envelope(content: object) -> bytes:
    return http_answer(json.dumps({"content": content, "lastPage": True, "size": 1}).encode())
