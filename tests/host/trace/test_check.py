"""Comparing with recordings, and showing where they part."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import InputError
from toolkit.host.trace.check import compare, describe, event_line, recorded_outcomes
from toolkit.host.trace.play import play

if TYPE_CHECKING:
    from toolkit.host.trace.check import Verdict
    from toolkit.host.trace.scenario import Line


def judge(line: Line, change: Any) -> Verdict:
    document = copy.deepcopy(line.document)
    change(document)
    changed = line._replace(document=document)
    return compare(changed, recorded_outcomes(changed), play(line.scenario))


def test_a_difference_names_event_field_and_both_values(rules: dict[str, Line]) -> None:
    def change(document: dict[str, Any]) -> None:
        document["expected"]["events"][5]["wait_ns"] = 7

    verdict = judge(rules["race_17408"], change)
    assert not verdict.agrees
    text = describe(verdict)
    assert "event 6: request_served at 2000002297 differs: wait_ns recorded 7, twin 2000001284" in text
    assert text.count("\n  - ") == 4
    assert text.count("\n  + ") == 4


def test_a_missing_event_and_an_extra_one(rules: dict[str, Line]) -> None:
    def shorten(document: dict[str, Any]) -> None:
        del document["expected"]["events"][-1]

    def lengthen(document: dict[str, Any]) -> None:
        document["expected"]["events"].append({"t_ns": 10**15, "event": "timer_fired", "runner": "z#9"})

    assert "the recording has ended, the twin goes on" in describe(judge(rules["race_17408"], shorten))
    text = describe(judge(rules["race_17408"], lengthen))
    assert "the twin has nothing more, the recording goes on" in text
    assert "+ (nothing more happens)" in text


def test_another_event_at_that_place(rules: dict[str, Line]) -> None:
    def change(document: dict[str, Any]) -> None:
        document["expected"]["events"][0]["t_ns"] = 1

    assert "recorded request_arrived at 1, twin request_arrived at 1013" in describe(judge(rules["preload"], change))


def test_only_the_final_state_differs(rules: dict[str, Line]) -> None:
    def change(document: dict[str, Any]) -> None:
        document["expected"]["final"]["pending_queue_length"] = 3

    assert "all events agree, but not the final state" in describe(judge(rules["preload"], change))


def test_one_alternative_is_enough_and_the_nearest_is_shown(rules: dict[str, Line]) -> None:
    line = rules["evict_all_two_others"]

    def only_alternative(document: dict[str, Any]) -> None:
        document["expected"], document["alternatives"][0]["expected"] = (
            document["alternatives"][0]["expected"],
            document["expected"],
        )

    def neither(document: dict[str, Any]) -> None:
        for body in (document["expected"], document["alternatives"][0]["expected"]):
            body["events"][-1]["t_ns"] += 1

    assert judge(line, only_alternative).agrees
    assert "nearest of 2 recorded outcomes" in describe(judge(line, neither))


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "`expected` is missing"),
        ({"expected": []}, "must be a list of objects"),
        ({"expected": {"events": [{"event": "x"}]}}, "must be a list of objects"),
        ({"expected": {"events": []}, "alternatives": [1]}, "alternatives must be a list"),
        ({"expected": {"events": []}, "alternatives": [{}]}, "must be a list of objects"),
    ],
)
def test_nothing_to_compare_with(rules: dict[str, Line], document: dict[str, Any], sentence: str) -> None:
    line = rules["preload"]._replace(document=document)
    with pytest.raises(InputError, match=sentence):
        recorded_outcomes(line)


def test_the_order_of_recorded_events_does_not_matter(rules: dict[str, Line]) -> None:
    assert judge(rules["race_17408"], lambda document: document["expected"]["events"].reverse()).agrees


def test_an_event_on_one_line() -> None:
    line = event_line({"t_ns": 1_500_000_000, "event": "evict", "victim": "a#1", "reason": None})
    assert line.split() == ["1.500", "s", "evict", "victim=a#1", "reason=-"]
