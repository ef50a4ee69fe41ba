"""The picture of what fits: a bar a model, a bar a set, and what there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.report.fitting import what_fits
from toolkit.report.html import render_html
from toolkit.report.scene import Line, Rect, Text

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison


def test_bars_are_as_long_as_what_models_take_and_the_limit_is_what_there_is(small: Comparison) -> None:
    memory, scene = small.memory, what_fits(small)
    assert memory is not None
    assert scene is not None
    bars = [item for item in scene.items if isinstance(item, Rect)]
    limit = next(item.x1 for item in scene.items if isinstance(item, Line) and item.ink == "cold")
    per_byte = (limit - bars[0].x) / memory.gpu_bytes
    drawn = [model.taken_bytes for model in memory.models]
    drawn += [
        next(model.taken_bytes for model in memory.models if model.model == name)
        for one in memory.sets
        for name in one.models
    ]
    assert [bar.width for bar in bars] == pytest.approx([nbytes * per_byte for nbytes in drawn])
    assert all(model.model in scene.description for model in memory.models)


def test_without_a_set_it_says_that_no_two_fit(small: Comparison) -> None:
    assert small.memory is not None
    scene = what_fits(replace(small, memory=replace(small.memory, sets=())))
    assert scene is not None
    assert any(isinstance(item, Text) and item.text == "no two of them fit together" for item in scene.items)


def test_a_host_whose_memory_is_not_known_has_no_picture(small: Comparison) -> None:
    unknown = replace(small, memory=None)
    assert what_fits(unknown) is None
    assert "What fits on the GPUs" not in render_html(unknown)


def test_the_page_says_what_is_guessed(small: Comparison) -> None:
    assert small.memory is not None
    first, *others = small.memory.models
    guessed = replace(first, estimated="cache by heads", left_layers=3)
    page = render_html(replace(small, memory=replace(small.memory, models=(guessed, *others))))
    assert f"{first.model} (cache by heads)" in page
    assert "3 layers stay on the host" in page
