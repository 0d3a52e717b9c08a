"""Which runs a process watches, by the events since it last looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from case_scene import open_case

from dispatch.services.watch_runs import news_of_runs


async def test_a_log_that_went_back_is_read_from_its_beginning(database: Any, tmp_path: Path) -> None:
    """A backup was restored under a running process: what it waits for has numbers that it knows as past."""
    async with open_case(database, tmp_path) as case:
        run = await case.send("A-1", await case.incident())
        head = await case.head()
        assert (await news_of_runs(case.centre, case.entry, head)).runs == []
        news = await news_of_runs(case.centre, case.entry, head + 1000)
        assert [row.assignment_id for row in news.runs] == [run.id]
        assert news.seq == head
