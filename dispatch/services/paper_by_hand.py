"""A paper board made by hand: the same board, with forms numbered by the second."""

from __future__ import annotations

from typing import Any

from dispatch.services.centre import Centre
from dispatch.services.paper_board import read_paper_board
from dispatch.services.paper_sheet import paper_sheet
from dispatch.services.tenants import TenantEntry


async def sheet_by_hand(centre: Centre, entry: TenantEntry, forms: int) -> dict[str, Any]:
    """Return the sheet of this moment; that people stand on it is logged as for every other board."""
    paper = await read_paper_board(centre, entry)
    return paper_sheet(entry.tenant, paper, forms=forms, minute=None)
