"""A bare WebSocket echo by picows, the quickest there is in Python: what the intake is compared with."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from bench.private_system import free_port, until_listens
from dispatch.local.program import Program


class _Echo(WSListener):  # type: ignore[misc]  # a compiled class without types
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            transport.send(WSMsgType.TEXT, frame.get_payload_as_bytes())


async def _serve(port: int) -> None:
    def listener(_: WSUpgradeRequest) -> _Echo:
        return _Echo()

    server = await ws_create_server(listener, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


@contextmanager
def echo_server() -> Iterator[tuple[int, int]]:
    """Run the echo in a process of its own; yields its port and process id."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.echo", str(port)]
        program = Program("echo", command, environment=os.environ, log_dir=Path(folder))
        program.spawn()
        try:
            until_listens(port, program)
            assert program.process is not None
            yield port, program.process.pid
        finally:
            program.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))
