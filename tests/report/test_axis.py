from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.axis import TimeAxis, linear_ticks, log_axis, time_step_s

S = 1_000_000_000


@given(st.integers(1, 10**17), st.integers(2, 300))
def test_time_ticks_lie_on_the_axis_and_are_not_too_many(length_ns: int, most: int) -> None:
    axis = TimeAxis(0, length_ns, 100, 880)
    ticks = axis.ticks(most)
    assert 1 <= len(ticks) <= most + 1
    assert all(100 <= axis.at(time) <= 980 for time, _ in ticks)
    assert time_step_s(length_ns / S, most) * most >= length_ns / S


@pytest.mark.parametrize(
    ("start_s", "end_s", "labels"),
    [
        (0, 60, ["0:00:00", "0:00:15", "0:00:30", "0:00:45", "0:01:00"]),
        (0, 24 * 3600, ["0:00", "6:00", "12:00", "18:00", "24:00"]),
        (0, 21 * 86400, ["0 d", "7 d", "14 d", "21 d"]),
        (450_000, 450_060, ["5 d 5:00:00", "5 d 5:00:15", "5 d 5:00:30", "5 d 5:00:45", "5 d 5:01:00"]),
    ],
)
def test_time_labels(start_s: int, end_s: int, labels: list[str]) -> None:
    assert [label for _, label in TimeAxis(start_s * S, end_s * S, 0, 1).ticks(5)] == labels


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_logarithmic_axis_holds_its_values(a: float, b: float) -> None:
    """Zero stands at the start; ticks lie inside; there are always some to read by."""
    low, high = min(a, b), max(a, b)
    axis = log_axis(low, high, 10, 400)
    assert 10 <= axis.at(low) <= axis.at(high) <= 410.001
    places = [axis.at(value) for value, _ in axis.ticks()]
    assert places == sorted(places)
    assert len(places) >= 2


def test_logarithmic_labels() -> None:
    assert [label for _, label in log_axis(0.08, 9.0, 0, 1).ticks()] == ["100 ms", "1 s", "10 s"]
    assert [label for _, label in log_axis(6.0, 40.0, 0, 1).ticks()] == ["5 s", "10 s", "20 s", "50 s"]


@given(st.floats(1e-6, 1e9), st.integers(1, 8))
def test_linear_ticks_cover_the_value_in_few_steps(most: float, parts: int) -> None:
    ticks = linear_ticks(most, parts)
    assert ticks[0] == 0
    assert ticks[-1] >= most * 0.998
    assert len(ticks) <= parts + 1
