"""Tests reach nothing beyond this machine."""

import asyncio
import socket

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("192.0.2.1", 53)])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_no_other_machine_is_spoken_to(address: tuple[str, int], kind: socket.SocketKind) -> None:
    with socket.socket(type=kind) as outward, pytest.raises(RuntimeError, match="tests stay on this machine"):
        outward.connect(address)


def test_no_datagram_leaves() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outward, pytest.raises(RuntimeError, match="stay on this"):
        outward.sendto(b"?", ("192.0.2.1", 53))


async def test_no_name_is_looked_up() -> None:
    with pytest.raises(RuntimeError, match="tests stay on this machine"):
        await asyncio.open_connection("example.invalid", 80)


async def test_this_machine_is_reached() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        assert await reader.read() == b""
        writer.close()
