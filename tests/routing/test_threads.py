"""Many threads at once get the answers one thread gets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from road_sketch import Scatter

from routing import Network

THREADS = 8


def test_eight_threads_same_answers(batang: Network, scatter: Scatter) -> None:
    points = scatter(batang, 160)
    targets = points[:THREADS]

    def ask(target: int) -> list[object]:
        one = targets[target]
        return [
            batang.to_one(points, one),
            batang.to_one(points, one, k=5),
            batang.from_one(one, points),
            batang.route(points[-1], one),
            batang.snap(points),
        ]

    alone = [ask(target) for target in range(THREADS)]
    start = Barrier(THREADS)

    def ask_together(target: int) -> list[list[object]]:
        start.wait()
        return [ask((target + turn) % THREADS) for turn in range(THREADS)]

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(ask_together, range(THREADS)))
    for target, answers in enumerate(together):
        for turn, answer in enumerate(answers):
            assert answer == alone[(target + turn) % THREADS]
