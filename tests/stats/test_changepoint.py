"""Change points: found where they are, none where there are none; the split against summing up distances one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.stats.changepoint import SHORTEST, best_split, change_points, values_needed


def energy(left: list[float], right: list[float]) -> float:
    """Matteson and James, equation (5), times mn / (m + n)."""
    across = np.mean([abs(x - y) for x in left for y in right])
    inside = [np.mean([abs(x - y) for x, y in combinations(side, 2)]) for side in (left, right)]
    return float((2 * across - sum(inside)) * len(left) * len(right) / (len(left) + len(right)))


@given(st.lists(st.floats(-100, 100), min_size=2 * SHORTEST, max_size=14))
def test_the_split_is_the_best_of_all(values: list[float]) -> None:
    place, height = best_split(np.abs(np.subtract.outer(values, values)))
    every = [energy(values[:cut], values[cut:]) for cut in range(SHORTEST, len(values) - SHORTEST + 1)]
    assert height == pytest.approx(max(every), abs=1e-9)
    assert every[place - SHORTEST] == pytest.approx(height, abs=1e-9)


def test_two_steps_are_found_where_they_are() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(mean, 1, 20) for mean in (100, 110, 95)])
    assert [point.place for point in change_points(values, rng)] == [20, 40]


def test_a_series_at_rest_has_no_changes() -> None:
    rng = np.random.default_rng(2)
    assert sum(bool(change_points(rng.normal(size=30), rng, level=0.01, rounds=199)) for _ in range(200)) <= 6


def test_one_outlier_is_no_change() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(100, 1, 40)
    values[17] = 500
    assert change_points(values, rng) == ()


@pytest.mark.parametrize("values", [[], [1.0] * 5, [1.0] * 40])
def test_too_few_or_equal_values_have_no_changes(values: list[float]) -> None:
    assert change_points(values, np.random.default_rng(1)) == ()


def test_the_same_history_has_the_same_answer() -> None:
    values = np.random.default_rng(4).normal(size=40) + np.repeat([0, 3], 20)
    first, second = (change_points(values, np.random.default_rng(1)) for _ in range(2))
    assert first == second != ()


@pytest.mark.parametrize("level", [0.05, 0.005, 0.001])
def test_fewer_values_than_needed_show_nothing_and_as_many_do(level: float) -> None:
    """A clean step in the middle is found with as many values as are said to be needed, and not with one fewer."""
    needed = values_needed(level)
    for count, found in ((needed, 1), (needed - 1, 0)):
        step = [float(place) + 1000 * (place >= count // 2) for place in range(count)]
        told = change_points(step, np.random.default_rng(3), level=level, rounds=20_000)
        assert len(told) == (found if count >= 6 else 0)
