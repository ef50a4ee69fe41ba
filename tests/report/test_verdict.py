"""The sentence for every kind of outcome; each number in it is set by the test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.replay.results import (
    Comparison,
    CoResidence,
    Distribution,
    ModelShare,
    Optimum,
    StrategySummary,
    TimeSplit,
)
from toolkit.report.verdict import leaders, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = TimeSplit(None, None, None, None, None, None)


def strategy(name: str, mean_s: float | None, swaps: int = 100, hits: int = 900, **changes: Any) -> StrategySummary:
    """A strategy over 1,000 requests, all answered."""
    wait = None if mean_s is None else Distribution(1000, mean_s, mean_s, mean_s, mean_s)
    made = StrategySummary(
        strategy=name, runs=1, requests=1000, answered=1000, rejected=0, failed=0, cancelled=0, unanswered=0, hits=hits,
        joined=0, hit_rate=hits / 1000, swaps=swaps, reloads=0, evictions=0, wait=wait, wait_means_s=(mean_s,),
        wait_cold=None, ttft_cold=None, ttft_warm=None, e2e=None, split_cold=NOTHING, split_all=NOTHING,
        models=(ModelShare("a:7b", 600, 500, 50, 1.0), ModelShare("b:7b", 400, 400, 50, 1.0)), slos=(),
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def compare(small: Comparison) -> Callable[..., Comparison]:
    """A comparison of given strategies on a day whose models fit in pairs."""

    def make(*strategies: StrategySummary, **changes: Any) -> Comparison:
        day = tuple(replace(run, end_ns=24 * 3600 * 10**9) for run in small.runs)
        made = replace(
            small,
            verdict="",
            strategies=strategies,
            runs=day,
            optimum=Optimum(1000, 1000, 1.0, "exact", "all sets"),
            co_residence=(CoResidence(("a:7b", "b:7b")),),
            context_tokens=(("a:7b", 8192), ("b:7b", 8192)),
        )
        return replace(made, **changes)

    return make


def test_a_winner_is_set_against_ram_and_the_optimum(compare: Callable[..., Comparison]) -> None:
    made = compare(strategy("ram", 20.0, 240), strategy("lru-unload", 9.0, 120, hits=710), strategy("none", 60.0, 900))
    assert verdict(made) == (
        "lru-unload halves the swaps of ram (120 instead of 240) on this day and cuts the mean wait "
        "from 20.0 s to 9.0 s; 71 % of what is achievable."
    )


@pytest.mark.parametrize(
    ("swaps", "words"),
    [
        (80, "cuts the swaps of ram to a third (80 instead of 240)"),
        (60, "cuts the swaps of ram to a quarter (60 instead of 240)"),
        (180, "makes 25 % fewer swaps than ram (180 instead of 240)"),
        (240, "makes as many swaps as ram (240)"),
        (238, "makes about as many swaps as ram (238 instead of 240)"),
        (480, "makes 2 times the swaps of ram (480 instead of 240)"),
    ],
)
def test_swaps_are_put_into_words(compare: Callable[..., Comparison], swaps: int, words: str) -> None:
    """Fewer swaps are not always what makes a wait shorter, and the sentence says so."""
    assert words in verdict(compare(strategy("ram", 20.0, 240), strategy("x", 9.0, swaps)))


def test_swaps_where_there_were_none_make_no_ratio(compare: Callable[..., Comparison]) -> None:
    assert "makes 3 swaps where ram makes none" in verdict(compare(strategy("ram", 20.0, 0), strategy("x", 9.0, 3)))


def test_another_baseline_may_be_named(compare: Callable[..., Comparison]) -> None:
    made = compare(strategy("ram", 20.0, 300), strategy("ssd", 30.0, 240), strategy("x", 9.0, 120))
    assert "halves the swaps of ssd" in verdict(made, baseline="ssd")


def test_nothing_beats_the_server_when_the_server_is_as_good(compare: Callable[..., Comparison]) -> None:
    """Within two percent is a tie, and a tie goes to what needs no strategy at all."""
    made = compare(strategy("server-default", 10.1), strategy("lru-unload", 10.0), strategy("none", 40.0))
    assert verdict(made) == (
        "No strategy beats server-default on this day: the mean wait is 10.1 s, as under lru-unload, and up to "
        "40.0 s under 'none'; 90 % of what is achievable."
    )


def test_all_equal_is_said_as_such(compare: Callable[..., Comparison]) -> None:
    made = compare(strategy("server-default", 10.0, 100), strategy("ram", 10.0, 100), strategy("ssd", 10.1, 104))
    assert verdict(made) == (
        "No strategy beats server-default on this day: all 3 wait 10.0 s in the mean, with 100 to 104 swaps; "
        "90 % of what is achievable."
    )


def test_all_equal_without_a_server_default(compare: Callable[..., Comparison]) -> None:
    assert verdict(compare(strategy("x", 10.0), strategy("y", 10.0))).startswith(
        "No strategy beats x on this day: both wait"
    )


def test_the_reason_comes_first_when_no_two_models_fit(compare: Callable[..., Comparison]) -> None:
    made = compare(
        strategy("server-default", 10.0),
        strategy("ram", 10.0),
        co_residence=(CoResidence(("a:7b",)), CoResidence(("b:7b",))),
        context_tokens=(("a:7b", 32768), ("b:7b", 32768)),
    )
    assert verdict(made).startswith(
        "No two of these models fit into memory together at a context of 32,768 tokens, so every change of "
        "model is a swap, and no strategy beats server-default on this day: both wait 10.0 s"
    )


def test_a_set_with_a_model_nobody_asked_for_does_not_count_as_fitting(compare: Callable[..., Comparison]) -> None:
    made = compare(strategy("ram", 9.0), strategy("x", 9.0), co_residence=(CoResidence(("a:7b", "other")),))
    assert verdict(made).startswith("No two of these models fit")


def test_unknown_co_residence_claims_nothing(compare: Callable[..., Comparison]) -> None:
    assert "fit into memory" not in verdict(compare(strategy("ram", 9.0), strategy("x", 9.0), co_residence=()))


def test_a_bound_makes_the_share_a_least_one(compare: Callable[..., Comparison]) -> None:
    made = compare(strategy("ram", 20.0), strategy("x", 9.0), optimum=Optimum(1000, 950, 0.95, "bound", "each alone"))
    assert verdict(made).endswith("; at least 94 % of what is achievable.")


def test_the_share_is_of_as_many_requests_as_the_repetitions_had(compare: Callable[..., Comparison]) -> None:
    """Three repetitions have three times the hits of the one that the optimum counts."""
    one = strategy("x", 9.0, runs=3, requests=3000, answered=3000, hits=2130)
    assert verdict(compare(one, optimum=Optimum(1000, 1000, 1.0, "exact", ""))).endswith(
        "; 71 % of what is achievable."
    )


def test_reaching_the_optimum_and_passing_it(compare: Callable[..., Comparison]) -> None:
    full = compare(strategy("x", 9.0, hits=900), optimum=Optimum(1000, 900, 0.9, "exact", ""))
    assert verdict(full).endswith("; nothing more is achievable.")
    more = compare(strategy("x", 9.0, hits=900), optimum=Optimum(1000, 890, 0.89, "exact", ""))
    assert verdict(more).endswith("; more hits than the optimum that takes requests in their order.")


def test_without_an_optimum_nothing_is_said_of_it(compare: Callable[..., Comparison]) -> None:
    assert "achievable" not in verdict(compare(strategy("ram", 20.0), strategy("x", 9.0), optimum=None))


def repeated(name: str, *means_s: float | None) -> StrategySummary:
    """The mean of all is that of the answered repetitions."""
    told = [mean_s for mean_s in means_s if mean_s is not None]
    return strategy(name, sum(told) / len(told), wait_means_s=means_s, runs=len(means_s))


def test_noise_of_repetitions_makes_a_tie(compare: Callable[..., Comparison]) -> None:
    """Ten percent better in the mean, but not in each repetition."""
    made = compare(repeated("server-default", 8.0, 12.0), repeated("x", 9.5, 8.5))
    assert verdict(made).startswith("No strategy beats server-default")
    assert leaders(made) == ("x", "server-default")
    clear = compare(repeated("server-default", 9.0, 11.0), repeated("x", 8.0, 10.0))
    assert verdict(clear).startswith("x makes")
    assert leaders(clear) == ("x",)


def test_a_repetition_without_answers_is_worse_than_any(compare: Callable[..., Comparison]) -> None:
    assert leaders(compare(repeated("server-default", 10.0, None), repeated("x", 9.0, 9.0))) == ("x",)
    assert len(leaders(compare(repeated("server-default", 10.0, 10.0), repeated("x", 9.0, None)))) == 2


def test_unequal_numbers_of_repetitions_are_compared_by_their_ranges(compare: Callable[..., Comparison]) -> None:
    apart = compare(repeated("server-default", 9.8, 10.2), repeated("x", 8.9, 9.0, 9.1))
    touching = compare(repeated("server-default", 9.0, 11.0), repeated("x", 8.0, 9.0, 10.0))
    assert leaders(apart) == ("x",)
    assert leaders(touching) == ("x", "server-default")


def test_a_wait_bought_by_turning_people_away_is_told(compare: Callable[..., Comparison]) -> None:
    made = compare(strategy("ram", 20.0), strategy("x", 9.0, answered=880, rejected=120))
    assert "but leaves 120 of 1,000 requests without an answer" in verdict(made)


def test_a_cut_run_says_so_first(compare: Callable[..., Comparison], small: Comparison) -> None:
    cut = (replace(small.runs[0], complete=False), *small.runs[1:])
    assert verdict(compare(strategy("ram", 9.0), runs=cut)).startswith("The run was cut short")


def test_one_strategy_alone_is_described(compare: Callable[..., Comparison]) -> None:
    assert verdict(compare(strategy("ram", 9.0, 100))) == (
        "ram finds the model in memory for 90 % of the requests on this day, with 100 swaps and a mean wait of 9.0 s; "
        "90 % of what is achievable."
    )


def test_without_answers_nothing_can_be_said(compare: Callable[..., Comparison]) -> None:
    none = strategy("ram", None, answered=0, failed=1000)
    assert verdict(compare(none)) == "Nothing can be said: none of 1,000 requests was answered."
    assert verdict(compare()) == "Nothing can be said: no request was measured; warm-up and drain do not count."


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=6))
def test_every_outcome_gives_one_sentence(small: Comparison, outcomes: list[tuple[float, int, int]]) -> None:
    """One line, one full stop, no number that is none; and the leaders hold the shortest wait."""
    rows = tuple(strategy(f"s{i}", mean, swaps, hits) for i, (mean, swaps, hits) in enumerate(outcomes))
    made = replace(small, strategies=rows)
    sentence = verdict(made)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "nan" not in sentence
    assert "inf" not in sentence
    shortest = min(mean for mean, _, _ in outcomes)
    assert any(mean == shortest and f"s{i}" in leaders(made) for i, (mean, _, _) in enumerate(outcomes))
