from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.report.overview import bin_ns, is_logarithmic, overview
from toolkit.report.scene import Boxes, Columns, Marks, Rect, Runs, Text
from toolkit.report.timeline import GUTTER, PLOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison
    from toolkit.report.scene import Scene

S = 1_000_000_000


def drawn(comparison: Comparison) -> Scene:
    scene = overview(comparison)
    assert scene is not None
    return scene


def widths(scene: Scene, ink: str) -> float:
    """Pixels in which a lane's ink says that its model was ready, shades counted as the share they stand for."""
    return sum(
        width * item.opacity
        for item in scene.items
        if isinstance(item, Runs) and item.ink == ink
        for _, width in item.runs
    )


def test_a_lane_is_as_dark_as_its_model_was_long_in_memory(make: Callable[..., Comparison]) -> None:
    """Dark pixels, added up, are the seconds in memory that the spans tell."""
    one = make(strategies=("ram",), requests=60, hours=3)
    run = one.runs[0]
    scene = drawn(one)
    models = sorted(
        {record.model for record in run.records}, key=lambda name: -sum(r.model == name for r in run.records)
    )
    for rank, model in enumerate(models):
        resident = sum(
            (run.end_ns if span.unload_start_ns is None else span.unload_start_ns) - (span.ready_ns or 0)
            for span in run.residency
            if span.model == model
        )
        assert widths(scene, f"m{rank}") == pytest.approx(resident / run.end_ns * PLOT, rel=0.05, abs=2)


def test_bars_of_waiting_have_the_heights_of_the_waits(make: Callable[..., Comparison]) -> None:
    """In proportion: the area of all bars of one strategy to that of another is as their waits are."""
    two = make(strategies=("ram", "none"), requests=200, hours=10)
    assert not is_logarithmic(two)
    scene = drawn(two)
    middle = next(item.y for item in scene.gutter if isinstance(item, Text) and item.text == "none")
    areas = [0.0, 0.0]
    for item in scene.items:
        if isinstance(item, Boxes):
            for _, y, width, height in item.boxes:
                areas[y > middle] += width * height
    waits = [sum((one.ready_ns or 0) - one.intended_ns for one in run.records) for run in two.runs]
    assert areas[0] / areas[1] == pytest.approx(waits[0] / waits[1], rel=0.01)


def test_everything_stays_on_the_sheet(large: Comparison, small: Comparison) -> None:
    for comparison in (small, large):
        scene = drawn(comparison)
        for item in scene.items:
            if isinstance(item, Runs):
                assert all(x >= GUTTER - 0.1 and x + width <= GUTTER + PLOT + 0.1 for x, width in item.runs)
            if isinstance(item, Columns):
                assert all(GUTTER <= x <= GUTTER + PLOT + 2 for x, _ in item.bars)


def test_many_models_share_the_last_lane(large: Comparison) -> None:
    labels = [item.text for item in drawn(large).gutter if isinstance(item, Text)]
    assert labels.count("5 other models") == len(large.runs)
    assert labels.count("model-00:3b") == len(large.runs)


def test_cold_requests_stand_above_their_lane_and_hits_below(small: Comparison) -> None:
    scene = drawn(small)
    above = [item for item in scene.items if isinstance(item, Columns) and item.ink == "cold" and item.bars]
    below = [item for item in scene.items if isinstance(item, Columns) and item.ink == "warm" and item.bars]
    assert above
    assert below
    assert all(height > 0 for item in above for _, height in item.bars)
    assert all(height < 0 for item in below for _, height in item.bars)


def test_a_request_without_answer_is_crossed(small: Comparison) -> None:
    first = small.runs[0]
    lost = replace(first.records[0], outcome="rejected", ready_ns=None, temperature=None)
    run = replace(first, records=(lost, *first.records[1:]))
    crosses = [item for item in drawn(replace(small, runs=(run,))).items if isinstance(item, Marks) and item.points]
    assert [len(item.points) for item in crosses] == [1]


def test_a_load_that_lasts_is_hatched(small: Comparison) -> None:
    assert any(isinstance(item, Rect) and item.hatched for item in drawn(small).items)


def test_one_stalled_strategy_makes_the_scale_logarithmic(small: Comparison) -> None:
    run = small.runs[0]
    stalled = replace(run.records[0], ready_ns=run.records[0].intended_ns + 20_000 * S)
    assert is_logarithmic(replace(small, runs=(replace(run, records=(stalled, *run.records[1:])), *small.runs[1:])))


def test_a_bin_is_a_round_time(small: Comparison, large: Comparison) -> None:
    assert bin_ns(small) == 15 * S
    assert bin_ns(large) == 2 * 3600 * S


def test_without_runs_there_is_no_picture(small: Comparison) -> None:
    assert overview(replace(small, runs=())) is None
