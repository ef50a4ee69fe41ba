"""The sentence about the least loading."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.replay.results import LeastLoading, ModelShare
from toolkit.report.loading import least_loading

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison


def told(small: Comparison, loading: LeastLoading | None, loads: int) -> str:
    assert small.optimum is not None
    only = replace(
        small.strategies[0], strategy="x", requests=small.optimum.requests, models=(ModelShare("m", 9, 1, loads, 1.0),)
    )
    return least_loading(replace(small, strategies=(only,), optimum=replace(small.optimum, loading=loading)))


def test_the_least_and_what_part_of_its_own_a_strategy_could_not_be_rid_of(small: Comparison) -> None:
    loading = LeastLoading(60.0, "exact", 60.0, (("m", 3.0),))
    assert told(small, loading, 40) == (
        "Loading takes 60.0 s at the least; as a share of what it takes under each strategy: x 50 %."
    )


def test_a_bound_says_what_is_known_to_be_enough_and_an_excess_why(small: Comparison) -> None:
    loading = LeastLoading(60.0, "bound", 66.0, (("m", 3.0),))
    sentence = told(small, loading, 10)
    assert "not below 60.0 s (66.0 s are known to be enough)" in sentence
    assert sentence.endswith("x 200 % (over 100 %: a host serves what is in memory first).")


@pytest.mark.parametrize("loads", [0, 4])
def test_nothing_is_said_of_what_is_not_known(small: Comparison, loads: int) -> None:
    assert told(small, None, loads) == ""
    assert told(small, LeastLoading(60.0, "exact", 60.0, (("other", 3.0),)), loads) == ""
