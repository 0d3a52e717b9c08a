"""The name of a road store changes with everything that goes into it, so that old ones are built again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import routing
from dispatch.bundle import read_bundle
from dispatch.services.road_stores import store_name

BUNDLE = read_bundle(Path(__file__).resolve().parents[2] / "regencies" / "33.25-batang")


def test_the_same_roads_and_rules_have_one_name() -> None:
    assert store_name(BUNDLE) == store_name(BUNDLE)
    assert store_name(BUNDLE).startswith("33.25-")


def test_a_rule_of_any_profile_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = store_name(BUNDLE)
    names = {before}
    for number, profile in enumerate(routing.PROFILES):
        slower = replace(profile, ferry_wait_s=profile.ferry_wait_s + 60)
        changed = (*routing.PROFILES[:number], slower, *routing.PROFILES[number + 1 :])
        with monkeypatch.context() as changing:
            changing.setattr(routing, "PROFILES", changed)
            names.add(store_name(BUNDLE))
    assert len(names) == 1 + len(routing.PROFILES)


def test_another_form_of_stores_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = store_name(BUNDLE)
    monkeypatch.setattr(routing, "STORE_SCHEMA", routing.STORE_SCHEMA + 1)
    assert store_name(BUNDLE) != before


def test_classes_left_out_and_the_date_change_it() -> None:
    others = [
        replace(BUNDLE, roads_exclude=frozenset({"track"})),
        replace(BUNDLE, roads_date="1999-01-01"),
    ]
    assert len({store_name(BUNDLE), *map(store_name, others)}) == 3
