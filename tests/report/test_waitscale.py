from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.waitscale import wait_scale


def test_strategies_of_one_kind_are_drawn_in_proportion() -> None:
    scale = wait_scale([130.0, 60.0], 44)
    assert not scale.logarithmic
    assert scale.at(100) == pytest.approx(2 * scale.at(50))
    assert [label for _, label in scale.ticks()] == ["150 s", "100 s", "50 s"]


def test_a_strategy_that_stalls_for_hours_does_not_hide_the_others() -> None:
    """A bar of a minute keeps a third of the height beside one of ten hours."""
    scale = wait_scale([40_000.0, 60.0], 44)
    assert scale.logarithmic
    assert scale.at(60) > 44 / 3
    assert [label for _, label in scale.ticks()] == ["10 h", "10 min", "10 s"]


def test_long_waits_are_marked_in_round_hours() -> None:
    assert [label for _, label in wait_scale([1.4e7, 5e6], 44).ticks()] == ["4,000 h", "2,000 h"]


@given(st.lists(st.floats(0, 1e8), max_size=6), st.integers(30, 90))
def test_every_bar_fits_and_more_is_higher(highest: list[float], height: int) -> None:
    scale = wait_scale(highest, height)
    places = [scale.at(value) for value in sorted(highest)]
    assert places == sorted(places)
    assert all(0 <= place <= height * 1.003 for place in places)
    marks = [scale.at(value) for value, _ in scale.ticks()]
    assert all(upper - lower >= 12 for upper, lower in pairwise(marks))
