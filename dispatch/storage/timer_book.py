"""What a transaction wants of timers, written in one statement at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from dispatch.domain.events import canonical

_ENDED = """ended AS (
    UPDATE timer SET done_at = :now, result = 'cleared'
    FROM unnest(CAST(:moot_kinds AS text[]), CAST(:moot_of AS uuid[])) AS moot (kind, subject_id)
    WHERE timer.regency_id = :regency AND timer.kind = moot.kind AND timer.subject_id = moot.subject_id
    AND timer.done_at IS NULL)"""
_SET = """{name} AS (
    INSERT INTO timer (regency_id, id, kind, subject_id, due_at, data, attempts)
    SELECT :regency, t.id, t.kind, t.subject_id, t.due_at, CAST(t.data AS jsonb), 0
    FROM unnest(CAST(:{name}_ids AS uuid[]), CAST(:{name}_kinds AS text[]), CAST(:{name}_of AS uuid[]),
                CAST(:{name}_due AS timestamptz[]), CAST(:{name}_data AS text[]))
        AS t (id, kind, subject_id, due_at, data)
    ON CONFLICT (regency_id, kind, subject_id) WHERE done_at IS NULL DO {clash})"""
_MOVED = "UPDATE SET due_at = excluded.due_at, data = excluded.data, attempts = 0"


@dataclass(frozen=True, slots=True)
class _Wish:
    """A timer that is to run; `moved` when one that runs already is to be due at this time, too."""

    id: UUID
    due_at: datetime
    data: Mapping[str, Any]
    moved: bool


class TimerBook:
    """Wishes by kind and subject; they end as if each had been written at once, in the order given."""

    def __init__(self) -> None:
        self._wishes: dict[tuple[str, UUID], _Wish | None] = {}

    def __bool__(self) -> bool:
        return bool(self._wishes)

    def set(
        self,
        timer_id: UUID,
        kind: str,
        subject_id: UUID,
        due_at: datetime,
        data: Mapping[str, Any],
        *,
        anew: bool,
    ) -> None:
        """Have a timer run, of this id if none does yet.

        Unless `anew` one that runs already, or that was wished for before, stays as it is.
        """
        known = (kind, subject_id) in self._wishes
        before = self._wishes.get((kind, subject_id))
        if anew or before is None:
            # after it was ended in this transaction nothing runs that could stay
            self._wishes[kind, subject_id] = _Wish(timer_id, due_at, data, moved=anew or known)

    def clear(self, kind: str, subject_id: UUID) -> None:
        """Have it end, if it runs."""
        self._wishes[kind, subject_id] = None

    def statement(
        self, regency_id: int, now: datetime, query: str, given: Mapping[str, Any]
    ) -> tuple[TextClause, dict[str, Any]]:
        """Return the one statement that carries all wishes out and answers `query`, with its parameters."""
        given = dict(given)
        if self._wishes:
            given["regency"] = regency_id
        moot = [key for key, wish in self._wishes.items() if wish is None]
        if moot:
            given |= {"now": now, "moot_kinds": [kind for kind, _ in moot], "moot_of": [of for _, of in moot]}
        parts = ["ended"] if moot else []
        for name, moved in (("anew", True), ("fresh", False)):
            wishes = [(key, w) for key, w in self._wishes.items() if w is not None and w.moved is moved]
            if not wishes:
                continue
            parts.append(name)
            given |= {
                f"{name}_ids": [wish.id for _, wish in wishes],
                f"{name}_kinds": [kind for (kind, _), _ in wishes],
                f"{name}_of": [of for (_, of), _ in wishes],
                f"{name}_due": [wish.due_at for _, wish in wishes],
                f"{name}_data": [canonical(dict(wish.data)) for _, wish in wishes],
            }
        return _statement(query, *parts), given


@cache
def _statement(query: str, *parts: str) -> TextClause:
    if not parts:
        return text(query)
    written = {
        "ended": _ENDED,
        "anew": _SET.format(name="anew", clash=_MOVED),
        "fresh": _SET.format(name="fresh", clash="NOTHING"),
    }
    return text(f"WITH {', '.join(written[part] for part in parts)} {query}")
