"""A case in a made-up regency, for whoever needs no other beginning than noon with everybody on duty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from case_scene import Case, HasUrls, open_case


@pytest.fixture
async def case(database: HasUrls, tmp_path: Path) -> AsyncIterator[Case]:
    """The regency with its units on duty, its roads and its people, by a clock that the test moves."""
    async with open_case(database, tmp_path) as scene:
        yield scene
