"""The road network's refusals in the centre's words."""

from __future__ import annotations

import routing
from dispatch.domain.errors import Conflict, DispatchError, FieldProblem, InvalidInput, Unavailable


def in_words(refused: routing.RoutingError, field: str) -> DispatchError:
    """Return the refusal as one of the centre's.

    409 where no road leads; 503 for a store that cannot be read; 422 naming `field` for everything that was
    asked wrongly: a point that is none or lies outside, an unknown profile, an empty list, too much at once.
    """
    if isinstance(refused, routing.Unreachable):
        return Conflict(refused.message_id, refused.message_en, reachable=False)
    if isinstance(refused, routing.BadStore | routing.BadExtract):
        return Unavailable(refused.message_id, refused.message_en)
    if isinstance(refused, routing.BadChange):  # its id says nothing to people, and they have just drawn it
        return InvalidInput(FieldProblem(field, _begun(refused.reason_id), _begun(refused.reason_en)))
    return InvalidInput(FieldProblem(field, refused.message_id, refused.message_en))


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]
