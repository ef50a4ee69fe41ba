"""Stories: a newcomer learns why a model was evicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.host.trace.events import EVENT_ORDER
from toolkit.host.trace.explain import explain
from toolkit.host.trace.picture import LEGEND, draw
from toolkit.host.trace.sentences import EVICT_REASONS, SENTENCES, UNLOAD_REASONS
from toolkit.host.trace.words import clock, duration, listed, size, span

if TYPE_CHECKING:
    from toolkit.host.trace.scenario import Line

S = 1_000_000_000


def test_the_shortest_keep_alive_goes_and_the_story_compares_them(rules: dict[str, Line]) -> None:
    text = explain(rules["victim_shortest_duration"].scenario)
    assert "Among the idle, the shortest keep-alive goes, however recently it was used:" in text
    lines = [line.split() for line in text.splitlines() if " keep-alive " in line and "digest" in line]
    assert [line[0] for line in lines] == ["b#3", "c#2", "a#1"]
    assert lines[0][-2:] == ["<-", "goes"]


def test_a_tie_is_explained_by_the_digests(rules: dict[str, Line]) -> None:
    assert "share the shortest keep-alive; the smallest digest goes" in explain(
        rules["victim_tie_smallest_digest"].scenario
    )


def test_busy_runners_that_are_passed_over_are_named(rules: dict[str, Line]) -> None:
    text = explain(rules["idle_victim_before_shorter_busy_one"].scenario)
    assert "would come before, but busy runners are passed over" in text


def test_nobody_idle(rules: dict[str, Line]) -> None:
    assert "Nobody is idle, so the first in the order is chosen" in explain(rules["busy_victim_wait"].scenario)


def test_the_race_is_pointed_out(rules: dict[str, Line]) -> None:
    text = explain(rules["race_17408"].scenario)
    assert "That request brought its own keep_alive (10m), which undoes the eviction of a#1." in text
    assert "So at most 1 model is loaded" in text


def test_every_bundled_rule_can_be_told(rules: dict[str, Line]) -> None:
    for line in rules.values():
        text = explain(line.scenario)
        assert line.scenario.description in text
        assert "the end of the run" in text


def test_there_is_a_sentence_for_every_event_and_reason(rules: dict[str, Line]) -> None:
    assert set(SENTENCES) == set(EVENT_ORDER)
    reasons = {
        event["reason"]
        for line in rules.values()
        for event in line.document["expected"]["events"]
        if event["event"] == "unload_start"
    }
    assert reasons <= set(UNLOAD_REASONS)
    assert {f"evicted_{reason}" for reason in EVICT_REASONS} <= set(UNLOAD_REASONS)


def test_the_picture_shows_loading_use_rest_and_end() -> None:
    events = [
        {"t_ns": 0, "event": "load_start", "runner": "a#1", "request": "r1"},
        {"t_ns": 2 * S, "event": "load_done", "runner": "a#1"},
        {"t_ns": 2 * S, "event": "runner_state", "runner": "a#1", "ref_count": 1},
        {"t_ns": 3 * S, "event": "request_queued", "request": "r2"},
        {"t_ns": 4 * S, "event": "runner_state", "runner": "a#1", "ref_count": 0},
        {"t_ns": 4 * S, "event": "request_dequeued", "request": "r2"},
        {"t_ns": 5 * S, "event": "unload_start", "runner": "a#1"},
        {"t_ns": 6 * S, "event": "unload_closed", "runner": "a#1"},
        {"t_ns": 7 * S, "event": "unload_done", "runner": "a#1"},
    ]
    picture = draw(events)
    row = next(line for line in picture.splitlines() if line.strip().startswith("a#1"))
    cells = row.split()[1]
    assert "".join(dict.fromkeys(cells)) == "~#=x-"
    assert "1" in next(line for line in picture.splitlines() if line.strip().startswith("queue"))
    assert LEGEND in picture


def test_an_empty_picture(rules: dict[str, Line]) -> None:
    assert draw([]) == "Nobody was ever in memory."
    assert "Nobody was ever in memory." in explain(rules["keep_alive_bad_values"].scenario)


@pytest.mark.parametrize(
    ("value_ns", "text"),
    [
        (0, "0"),
        (5400 * S, "1h30m"),
        (300 * S, "5m"),
        (S * 5 // 4, "1.25s"),
        (1, "0.000000001s"),
        ((1 << 63) - 1, "for ever"),
    ],
)
def test_durations_in_words(value_ns: int, text: str) -> None:
    assert duration(value_ns) == text


def test_other_words() -> None:
    assert duration(-(1 << 63)).startswith("an overflowed")
    assert (span(0), span(999), span(1_500), span(2 * S), span(4000 * S)) == (
        "no time",
        "999 ns",
        "1.5 µs",
        "2 s",
        "4000 s",
    )
    assert (size(1 << 30), size(5 << 20)) == ("1.00 GiB", "5 MiB")
    assert (listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == (
        "none",
        "a",
        "a and b",
        "a, b and c",
    )
    assert clock(1_234_567_890) == "1.235 s"
