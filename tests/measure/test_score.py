"""Errors, noise floors and the agreement of many runs, by hand-made outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.measure.consensus import consensus
from toolkit.measure.outcomes import Outcome, Undone
from toolkit.measure.recording import Recording, Sent
from toolkit.measure.score import score

if TYPE_CHECKING:
    from collections.abc import Sequence

S = 1_000_000_000


def outcome(found: str, wait_s: float, first_s: float, end_s: float) -> Outcome:
    return Outcome(found, round(wait_s * S), round(first_s * S), round(end_s * S), (), (), None)  # type: ignore[arg-type]


def recording(waits_s: Sequence[float]) -> Recording:
    requests = tuple(
        Sent(
            number, "m", "chat", None, None, 0, S, S, 2 * S,
            answered=True, counters={"load_duration": round(wait_s * S)}, load_average=None, listed_before=None,
        )
        for number, wait_s in enumerate(waits_s)
    )  # fmt: skip
    return Recording(requests, (), (), has_log=False)


def test_errors_are_absolute_shares_of_the_recorded_value() -> None:
    recorded = {0: outcome("cold", 1, 2, 4), 1: outcome("cold", 2, 2, 4)}
    told = {0: outcome("cold", 1.1, 3, 3), 1: outcome("cold", 1, 2, 4)}
    scores = score(recording([1, 2]), recorded, told, frozenset({0, 1}))
    assert [pair.error for pair in scores.swap_latency.pairs] == pytest.approx([0.1, 0.5])
    assert scores.swap_latency.median_ape == pytest.approx(0.3)
    assert [pair.error for pair in scores.ttft.pairs] == pytest.approx([0.5, 0])
    assert [pair.error for pair in scores.e2e.pairs] == pytest.approx([0.25, 0])
    assert scores.cold_agreement == 1


def test_the_floor_predicts_each_by_the_median_of_the_others() -> None:
    """1, 2 and 4 s: by 3, 2.5 and 1.5, so off by 200 %, 25 % and 62.5 %."""
    recorded = {number: outcome("cold", wait, 2, 4) for number, wait in enumerate((1, 2, 4))}
    scores = score(recording([1, 2, 4]), recorded, recorded, frozenset(recorded))
    assert scores.swap_latency.noise_floor == pytest.approx(0.625)
    assert scores.swap_latency.limit == pytest.approx(1.25 * 0.625)
    assert scores.swap_latency.median_ape == 0
    assert scores.e2e.noise_floor == 0
    assert scores.e2e.limit == 0.10


def test_one_alone_of_its_kind_has_no_floor() -> None:
    recorded = {0: outcome("cold", 1, 2, 4)}
    assert score(recording([1]), recorded, recorded, frozenset({0})).ttft.noise_floor is None


def test_only_the_chosen_are_scored_and_cold_is_a_load_of_either_kind() -> None:
    recorded = {0: outcome("reload", 1, 2, 4), 1: outcome("hit", 0, 2, 4), 2: outcome("cold", 1, 2, 4)}
    told = {0: outcome("cold", 1, 2, 4), 1: outcome("joined", 0, 2, 4), 2: outcome("hit", 0, 2, 4)}
    rest = score(recording([1, 0, 1]), recorded, told, frozenset({0, 1}))
    assert (rest.requests, rest.cold_differ) == (2, ())
    every = score(recording([1, 0, 1]), recorded, told, frozenset({0, 1, 2}))
    assert (every.same_cold, every.cold_differ) == (2, (2,))


def test_nothing_chosen_is_no_error() -> None:
    recorded = {0: outcome("cold", 1, 2, 4)}
    scores = score(recording([1]), recorded, recorded, frozenset())
    assert scores.swap_latency.median_ape is None
    assert scores.requests == 0


def test_most_runs_decide_and_times_are_the_middle_of_those_that_agree() -> None:
    runs = [{0: outcome("cold", wait, wait, wait)} for wait in (1, 3, 5)] + [{0: outcome("hit", 0, 0, 0)}] * 2
    assert consensus(runs) == {0: outcome("cold", 3, 3, 3)}


def test_an_undone_eviction_counts_if_it_happened_in_more_than_half() -> None:
    plain = outcome("cold", 1, 1, 1)
    undone = [replace(plain, undone=Undone(0, "v", waited)) for waited in (5, 7, 9)]
    assert consensus([{0: one} for one in [*undone, plain, plain]])[0].undone == Undone(0, "v", 7)
    assert consensus([{0: one} for one in [*undone, plain, plain, plain]])[0].undone is None


def test_a_single_run_is_what_it_is() -> None:
    run = {0: outcome("joined", 1, 2, 3)}
    assert consensus([run]) == run
