"""Bars and histograms: lengths against the numbers they stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.report.bars import hit_rates, loads_by_model, requests_by_model, swap_parts, untold_parts
from toolkit.report.latency import ttft_cold, ttft_warm
from toolkit.report.scene import Columns, Line, Marks, Rect, Text

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison

SPAN = 424.0


def test_hit_rate_bars_are_as_long_as_their_rates(small: Comparison) -> None:
    scene = hit_rates(small)
    for row, one in enumerate(small.strategies):
        y = 22 + row * 42 + 20
        parts = [item for item in scene.items if isinstance(item, Rect) and item.y == y and item.ink != "wash"]
        assert sum(part.width for part in parts if not part.hatched) == pytest.approx(SPAN * one.hit_rate)
        joined = sum(part.width for part in parts if part.hatched)
        assert joined == pytest.approx(SPAN * one.joined / one.requests)


def test_the_optimum_is_marked_in_every_row(small: Comparison) -> None:
    assert small.optimum is not None
    marks = [item for item in hit_rates(small).items if isinstance(item, Line) and item.ink == "best"]
    assert {item.x1 for item in marks} == {4 + SPAN * small.optimum.hit_rate}
    assert len(marks) == len(small.strategies)
    assert not any(isinstance(i, Line) and i.ink == "best" for i in hit_rates(replace(small, optimum=None)).items)


def test_the_parts_of_a_swap_fill_its_bar(small: Comparison) -> None:
    scene = swap_parts(small)
    assert scene is not None
    for row, one in enumerate(small.strategies):
        y = 4 + row * 42 + 20
        parts = {item.ink: item.width for item in scene.items if isinstance(item, Rect) and item.y == y}
        split = one.split_cold
        told = [getattr(split, f"{name}_s") or 0.0 for name in ("queue", "evict", "load", "slot", "prefill", "decode")]
        assert parts["load"] == pytest.approx(SPAN * (split.load_s or 0) / sum(told) - 1, abs=0.1)


def test_parts_that_a_host_cannot_tell_are_named(small: Comparison) -> None:
    """A real host tells one number for queue, eviction and load together."""
    told = tuple(
        replace(one, split_cold=replace(one.split_cold, queue_s=None, evict_s=None, slot_s=None))
        for one in small.strategies
    )
    assert untold_parts(replace(small, strategies=told)) == ("queue", "evict", "slot")
    assert untold_parts(small) == ()


def test_without_cold_requests_there_is_no_swap_to_cut(small: Comparison) -> None:
    warm = tuple(replace(one, wait_cold=None, ttft_cold=None) for one in small.strategies)
    assert swap_parts(replace(small, strategies=warm)) is None
    assert ttft_cold(replace(small, strategies=warm, runs=())) is None


def test_requests_and_loads_by_model_are_counted(small: Comparison) -> None:
    scene = requests_by_model(small)
    assert scene is not None
    widths = [item.width for item in scene.items if isinstance(item, Rect) and item.ink != "wash"]
    assert sum(widths) == pytest.approx(SPAN)
    loads = loads_by_model(small)
    assert loads is not None
    words = {item.text for item in loads.items if isinstance(item, Text)}
    for run in small.runs:
        assert f"{len(run.residency)} loads" in words


def test_cold_and_warm_samples_are_never_in_one_chart(small: Comparison) -> None:
    """The inks differ, and each chart counts only its own samples."""
    for maker, ink, kind in ((ttft_cold, "cold", "cold"), (ttft_warm, "warm", "hit")):
        scene = maker(small)
        assert scene is not None
        bars = [item for item in scene.items if isinstance(item, Columns)]
        assert {item.ink for item in bars} == {ink}
        samples = sum(record.temperature == kind for record in small.runs[0].records)
        words = [item.text for item in scene.items if isinstance(item, Text)]
        assert any(text.endswith(f" {samples} samples") for text in words)


def test_a_percentile_is_marked_only_where_it_is_carried(small: Comparison) -> None:
    scene = ttft_cold(small)
    assert scene is not None
    carried = sum(one.ttft_cold is not None and one.ttft_cold.p95_s is not None for one in small.strategies)
    assert len([item for item in scene.items if isinstance(item, Marks)]) == carried
    words = [item.text for item in scene.items if isinstance(item, Text)]
    assert sum("too few for p95" in text for text in words) == len(small.strategies) - carried
