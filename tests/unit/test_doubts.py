"""Every reason for doubt that the road network gives has words in both languages."""

from __future__ import annotations

import routing
from dispatch.services.doubts import WORDS, in_words


def test_every_doubt_has_words() -> None:
    assert set(WORDS) == set(routing.DOUBTS)
    for code, (said_id, said_en) in WORDS.items():
        assert said_id.strip(), code
        assert said_en.strip(), code
        assert said_id != said_en, code


def test_doubts_come_in_the_network_s_order() -> None:
    found = in_words(["cut_off", "connector"])
    assert [doubt.code for doubt in found] == ["connector", "cut_off"]
