"""Case numbers after a restore: what a lost case had may be on paper, and is not given again."""

from __future__ import annotations

from case_scene import Case

from dispatch.services.after_restore import NUMBERS_SKIPPED, skip_lost_numbers
from dispatch.storage.rebuild import current, differences, rebuild


async def numbers(case: Case) -> list[int]:
    found = await case.rows("SELECT number FROM incident ORDER BY reported_at, number")
    return [int(row.number.rpartition("-")[2]) for row in found]


async def test_numbers_of_lost_cases_are_not_given_again_and_the_log_still_rebuilds_all(case: Case) -> None:
    await case.incident()
    await skip_lost_numbers(case.centre, case.entry)
    await case.incident()
    await skip_lost_numbers(case.centre, case.entry)
    await case.incident()
    assert await numbers(case) == [1, NUMBERS_SKIPPED + 2, 2 * NUMBERS_SKIPPED + 3]
    async with case.centre.snapshot(case.entry.tenant) as tx:
        assert list(differences(await rebuild(tx), await current(tx))) == []


async def test_a_day_of_which_everything_is_lost_goes_on_behind_it(case: Case) -> None:
    await skip_lost_numbers(case.centre, case.entry)
    await case.incident()
    assert await numbers(case) == [NUMBERS_SKIPPED + 1]
