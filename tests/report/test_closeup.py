from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from toolkit.report.closeup import busiest_window, closeup
from toolkit.report.scene import Marks, Rect, Text
from toolkit.report.timeline import GUTTER, PLOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison

S = 1_000_000_000


def test_no_other_window_of_that_length_has_more_loads(make: Callable[..., Comparison]) -> None:
    """Checked against every window that begins at a load. The chosen one keeps a margin on both sides."""
    day = make(requests=300, hours=24)
    window = busiest_window(day)
    assert window is not None
    start, end = window
    loads = [span.load_start_ns for run in day.runs for span in run.residency]
    inside = sum(start <= load <= end for load in loads)
    margin = (end - start) // 10
    assert inside >= max(sum(load <= other <= load + end - start - margin for other in loads) for load in loads)
    assert start >= 0
    assert end <= max(run.end_ns for run in day.runs)


def test_a_short_run_is_shown_whole(make: Callable[..., Comparison]) -> None:
    short = make(requests=5, hours=0.1)
    assert busiest_window(short) == (0, max(run.end_ns for run in short.runs))


def test_every_wait_is_a_bar_from_arrival_to_ready(make: Callable[..., Comparison]) -> None:
    one = make(strategies=("none",), requests=5, hours=0.1)
    run = one.runs[0]
    scene = closeup(one)
    assert scene is not None
    bars = [item for item in scene.items if isinstance(item, Rect) and "waited" in (item.title or "")]
    scale = PLOT / run.end_ns
    expected = sorted(
        (GUTTER + record.intended_ns * scale, ((record.ready_ns or 0) - record.intended_ns) * scale)
        for record in run.records
        if (record.ready_ns or 0) > record.intended_ns
    )
    assert sorted((bar.x, bar.width) for bar in bars) == [pytest.approx(pair) for pair in expected]


def test_bars_of_one_row_do_not_overlap(make: Callable[..., Comparison]) -> None:
    scene = closeup(make(requests=200, hours=1))
    assert scene is not None
    rows: dict[float, list[Rect]] = {}
    for item in scene.items:
        if isinstance(item, Rect) and "waited" in (item.title or ""):
            rows.setdefault(item.y, []).append(item)
    for row in rows.values():
        ordered = sorted(row, key=lambda bar: bar.x)
        assert all(a.x + a.width <= b.x for a, b in pairwise(ordered))


def test_a_crowd_is_counted_where_it_finds_no_row(make: Callable[..., Comparison]) -> None:
    scene = closeup(make(requests=400, hours=0.2, strategies=("none", "ram")))
    assert scene is not None
    assert any(isinstance(item, Text) and "more at the same time" in item.text for item in scene.items)


def test_each_temperature_has_a_sign_of_its_own(small: Comparison) -> None:
    run = small.runs[0]
    kinds = ("hit", "joined", "cold", "reload")
    records = tuple(
        replace(record, temperature=kinds[i % 4], intended_ns=i * S, ready_ns=(i + 1) * S)  # type: ignore[arg-type] # the four names
        for i, record in enumerate(run.records)
    )
    scene = closeup(replace(small, runs=(replace(run, records=records, end_ns=60 * S),)))
    assert scene is not None
    shapes = {item.shape: len(item.points) for item in scene.items if isinstance(item, Marks) and item.points}
    assert shapes == {"circle": 6, "ring": 6, "triangle": 6, "diamond": 6}


def test_without_loads_there_is_nothing_to_show(small: Comparison) -> None:
    assert closeup(replace(small, runs=())) is None
    assert closeup(replace(small, runs=(replace(small.runs[0], residency=()),))) is None
