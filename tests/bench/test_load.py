"""What the load counts as kept, and the disk that a bench insists on."""

from __future__ import annotations

from typing import Any

import pytest

from bench.load import Job, Phone
from bench.private_system import private_system
from chaos.places import NoPlace

JOB = Job(0, 0, False, [], [([(107.4, -6.5)], [0.0])], 1.0, 15.0)


class _Socket:
    on_text: Any = None

    def send(self, text: bytes) -> None:
        pass


def _acknowledge(socket: _Socket, *seqs: int) -> None:
    socket.on_text(b'{"t":"positions_saved","seqs":[%b]}' % ",".join(map(str, seqs)).encode())


def test_kept_are_the_fixes_of_the_measured_time_that_were_acknowledged() -> None:
    socket = _Socket()
    phone = Phone(socket, JOB, 0)  # type: ignore[arg-type]
    phone.send()
    phone.send()
    phone.begin()  # two are under way: none of the measured
    for _ in range(3):
        phone.send()
    phone.end()
    phone.send()
    assert phone.kept == 0
    _acknowledge(socket, 1, 2)
    assert phone.kept == 0
    _acknowledge(socket, 3, 4)
    assert phone.kept == 2
    _acknowledge(socket, 5, 6)
    assert phone.kept == 3


def test_a_bench_refuses_to_measure_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.places.file_system", lambda _: "tmpfs")
    with pytest.raises(NoPlace), private_system():
        pass
