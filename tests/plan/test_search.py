"""The search for the largest load, on curves that are known."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.plan.tallies import tally
from toolkit.plan.confirm import find_and_check, next_above
from toolkit.plan.crossing import crossing_interval
from toolkit.plan.search import HIGHEST, REFUTED_AT, Effort, LoadSearch
from toolkit.workload.plan import Slo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.plan.tally import Tally

SLOS = (Slo("ttft", 10**9, 0.9),)
EFFORT = Effort(scan=2, requests=800, fewest=6, most=8)


def exact(load: float) -> float:
    return load


def users(load: float) -> float:
    return max(1, round(load * 2)) / 2


def four_digits(load: float) -> float:
    return float(f"{load:.4g}")


class Curve:
    """A host whose promise is kept for so many of 1000 requests at a load; `noise` shifts repetitions."""

    def __init__(self, kept: Callable[[float], int], noise: Sequence[int] = (0,)) -> None:
        self._kept = kept
        self._noise = noise
        self.asked: list[float] = []

    def range(self, loads: Sequence[float], repetitions: range) -> list[tuple[Tally, ...]]:
        self.asked += loads
        return [
            tuple(
                tally(max(0, min(1000, self._kept(load) + self._noise[number % len(self._noise)])), 1000)
                for number in repetitions
            )
            for load in loads
        ]

    def first(self, loads: Sequence[float], repetitions: int) -> list[tuple[Tally, ...]]:
        return self.range(loads, range(repetitions))


@given(st.floats(0.02, 60))
def test_the_answer_keeps_the_promise_and_ten_percent_more_breaks_it(edge: float) -> None:
    found = LoadSearch(Curve(lambda load: 950 if load <= edge else 100).first, SLOS, exact, EFFORT).run()
    assert found.load is not None
    assert found.load <= edge < found.load * REFUTED_AT
    assert found.failing_below == ()


@given(st.floats(0.02, 60))
def test_no_load_is_played_beside_one_that_is_known(edge: float) -> None:
    curve = Curve(lambda load: 950 if load <= edge else 100)
    LoadSearch(curve.first, SLOS, four_digits, EFFORT).run()
    played = sorted(set(curve.asked))
    assert all(higher / lower > 1.004 for lower, higher in pairwise(played))


@given(st.integers(1, 40))
def test_a_closed_loop_is_answered_to_the_user(most: int) -> None:
    curve = Curve(lambda load: 950 if load * 2 <= most else 100)
    found = LoadSearch(curve.first, SLOS, users, EFFORT, highest=64.0).run()
    assert found.load is not None
    assert found.load * 2 <= most
    assert next_above(found.load, users) * 2 > most


def test_no_load_is_an_answer_too() -> None:
    curve = Curve(lambda _load: 800)
    found = LoadSearch(curve.first, SLOS, exact, EFFORT).run()
    assert found.load is None
    assert min(curve.asked) == 1 / 64
    assert not any(one.keeps for one in found.curve)


def test_a_host_that_never_breaks_its_promise_is_asked_up_to_the_highest_load() -> None:
    found = LoadSearch(Curve(lambda _load: 1000).first, SLOS, exact, EFFORT).run()
    assert (found.load, found.open_end) == (HIGHEST, True)


def test_a_promise_that_is_broken_at_less_load_is_told() -> None:
    curve = Curve(lambda load: 950 if 0.9 <= load <= 3 else 800)
    found = LoadSearch(curve.first, SLOS, exact, EFFORT).run()
    assert found.load is not None
    assert 2.7 < found.load <= 3
    assert found.failing_below == (0.25, 0.5)


def test_the_check_uses_other_repetitions_and_joins_them_where_it_disagrees() -> None:
    """The first six repetitions flatter; the check finds out, and the answer comes down."""
    flattering = Curve(lambda load: round(1000 - 100 * load), noise=(75, 45, 60, 60, 80, 40) + (0, 20, -20) * 14)
    checked = find_and_check(flattering.range, SLOS, exact, Effort(4, 800, 6, 6), HIGHEST)
    assert checked.rounds > 1
    assert checked.found.load is not None
    assert checked.found.load < 1.45
    assert checked.at is not None
    assert checked.confirmed == (checked.at.keeps and checked.above is not None and not checked.above.keeps)


def test_the_interval_covers_the_answer_and_widens_with_noise() -> None:
    widths = []
    for noise in ((0,), (-30, 30, -10, 10, 0, 20)):
        curve = Curve(lambda load: round(1000 - 100 * load), noise)
        found = LoadSearch(curve.first, SLOS, exact, EFFORT).run()
        assert found.load is not None
        interval = crossing_interval(found.curve, SLOS, found.load, seed=1)
        assert interval is not None
        assert interval.low <= found.load <= interval.high
        widths.append(interval.high / interval.low)
    assert widths[0] < widths[1]


def test_too_few_repetitions_have_no_interval() -> None:
    found = LoadSearch(Curve(lambda _load: 800).first, SLOS, exact, EFFORT).run()
    assert crossing_interval(found.curve, SLOS, 1.0, seed=1) is None
