"""Holm's correction: a worked example, and what always holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.stats.holm import holm

VALUES = st.lists(st.none() | st.floats(0, 1), max_size=8)


def test_four_values_by_hand() -> None:
    """0.005 · 4, 0.011 · 3, 0.02 · 2, then 0.04, which may not be smaller than its forerunner."""
    assert holm([0.02, 0.005, 0.011, 0.04]) == pytest.approx((0.04, 0.02, 0.033, 0.04))


def test_what_could_not_be_asked_costs_nothing() -> None:
    assert holm([0.004, None, None]) == (0.004, None, None)


@given(VALUES)
def test_it_lies_between_the_value_and_bonferroni(values: list[float | None]) -> None:
    asked = sum(value is not None for value in values)
    for value, adjusted in zip(values, holm(values), strict=True):
        if value is None or adjusted is None:
            assert value is adjusted
        else:
            assert value <= adjusted <= min(1.0, value * asked) + 1e-12


@given(VALUES)
def test_the_order_of_values_is_kept(values: list[float | None]) -> None:
    pairs = sorted(
        (value, adjusted)
        for value, adjusted in zip(values, holm(values), strict=True)
        if value is not None and adjusted is not None
    )
    assert [adjusted for _, adjusted in pairs] == sorted(adjusted for _, adjusted in pairs)
