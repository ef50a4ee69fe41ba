"""Pairs: what is real is found, what is not is not called so."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.stats.paired import Pairs, compare_pairs
from toolkit.stats.pairs_needed import pairs_needed

NOISE = (10.0, 30.0, 20.0, 50.0, 40.0, 15.0, 25.0, 35.0)


def pairs(*changes: float, floor: float = 0.5) -> Pairs:
    """What the repetitions share is far larger than the changes."""
    base = NOISE[: len(changes)]
    return Pairs(base, tuple(left + change for left, change in zip(base, changes, strict=True)), "lower", floor)


def test_a_small_change_that_is_always_there_is_real_however_loud_the_repetitions_are() -> None:
    (found,) = compare_pairs([pairs(-1, -2, -1.5, -1, -2, -1.2, -1.1, -1.3)])
    assert found.verdict == "better"
    assert found.p == 2 / 2**8  # of all patterns of signs only this one and its mirror are as extreme
    assert found.change is not None
    assert found.change.high < 0


def test_the_same_within_the_floor_and_worse_and_neither() -> None:
    same, worse, open_question = compare_pairs(
        [
            pairs(0.1, -0.1, 0.2, -0.2, 0.1, 0, 0.1, -0.1),
            pairs(3, 2, 4, 3, 3, 2, 4, 3),
            pairs(9, -9, 8, -8, 9, -7, 1, -2),
        ]
    )
    assert (same.verdict, worse.verdict, open_question.verdict) == ("same", "worse", "inconclusive")


def test_nothing_differs_at_all() -> None:
    (found,) = compare_pairs([pairs(*[0.0] * 6)])
    assert (found.verdict, found.p) == ("same", 1.0)


def test_five_pairs_are_too_few_and_more_questions_need_more() -> None:
    (found,) = compare_pairs([pairs(-5, -5, -5, -5, -5)])
    assert (found.verdict, found.change, found.p) == ("inconclusive", None, None)
    six = pairs(-5, -6, -5, -7, -5, -6)
    assert compare_pairs([six])[0].verdict == "better"
    assert {one.verdict for one in compare_pairs([six, six])} == {"inconclusive"}
    assert [pairs_needed(questions) for questions in (1, 2, 12)] == [6, 7, 9]


@pytest.mark.parametrize("count", [8, 20])
def test_equal_ways_are_called_different_in_no_more_cases_than_promised(count: int) -> None:
    draw = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        base, new = draw.normal(10, 1, count), draw.normal(10, 1, count)
        (found,) = compare_pairs([Pairs(tuple(base), tuple(new), "lower", 0.0)])
        alarms += found.verdict in {"better", "worse"}
    assert alarms <= 20  # 10 are expected; 20 or more happen once in 400
