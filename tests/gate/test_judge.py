"""Two sides become a verdict: regressions are found, like is compared with like, few samples decide nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import UsageError
from toolkit.gate.from_benchmarks import go_side
from toolkit.gate.from_runs import run_side
from toolkit.gate.judge import judge
from toolkit.gate.side import Series, Side, merged
from toolkit.metrics.catalogue import DEFAULT, METRICS
from toolkit.replay.records import ClientHealth
from toolkit.stats.decide import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.records import Run

RULE = Rule()


def side(run: Run) -> Side:
    return run_side("run", run, DEFAULT)


def a_series(*runs: tuple[float, ...]) -> Side:
    return Side("x", (), (), (Series("ttft", "ns", "size", "lower", runs),))


def test_a_regression_of_ten_percent_is_found(made: Any) -> None:
    found = judge(side(made.run(1)), side(made.run(2, 1.1)), RULE)
    verdicts = {line.series.name: line.finding.verdict for line in found.lines}
    assert found.verdict == "regression"
    assert verdicts == {"ttft_warm": "worse", "tpot": "same", "answered": "same"}


def test_an_improvement_passes(made: Any) -> None:
    found = judge(side(made.run(1)), side(made.run(2, 0.8)), RULE)
    assert found.verdict == "pass"
    assert {line.series.name: line.finding.verdict for line in found.lines}["ttft_warm"] == "better"


def test_a_server_that_answers_faster_but_less_often_does_not_pass(made: Any) -> None:
    run = made.run(2, 0.8)
    records = tuple(
        replace(one, outcome="rejected", first_token_ns=None, done_ns=None) if int(one.id) * 7 % 10 < 4 else one
        for one in run.records
    )
    found = judge(side(made.run(1)), side(replace(run, records=records)), RULE)
    assert found.verdict == "regression"
    assert {line.series.name: line.finding.verdict for line in found.lines}["answered"] == "worse"


@pytest.mark.parametrize("count", [1, 5])
def test_below_six_a_side_nothing_is_decided(count: int) -> None:
    found = judge(a_series((1.0,) * count), a_series((9.0,) * 60), RULE)
    assert found.verdict == "inconclusive"
    assert "6 a side are the least" in found.lines[0].finding.why


def test_six_a_side_decide_what_is_plain() -> None:
    found = judge(a_series((1.0, 1.01, 1.02, 1.03, 1.04, 1.05)), a_series((2.0, 2.01, 2.02, 2.03, 2.04, 2.05)), RULE)
    assert found.verdict == "regression"


def test_a_change_below_the_floor_does_not_matter() -> None:
    base, new = (tuple(scale * (1 + number * 73 % 200 / 1e6) for number in range(200)) for scale in (1.0, 1.01))
    found = judge(a_series(base), a_series(new), RULE).lines[0].finding
    assert (found.verdict, found.p is not None and found.p < 1e-9) == ("same", True)


def test_repeats_that_differ_count_once_each() -> None:
    """Three repeats that lie apart: the 300 requests are three samples, which is too few."""
    base = a_series(*(tuple(scale + number * 37 % 100 / 1e4 for number in range(100)) for scale in (1.0, 1.5, 1.2)))
    new = a_series(*(tuple(scale + number * 37 % 100 / 1e4 for number in range(100)) for scale in (1.6, 1.1, 1.7)))
    finding = judge(base, new, RULE).lines[0].finding
    assert (finding.verdict, finding.by_run, finding.base_count) == ("inconclusive", True, 3)


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ({"host": "http://b"}, "host"),
        ({"hardware": "48 GiB"}, "hardware"),
        ({"models": (("m", "b" * 64),)}, "models"),
        ({"options": (("m num_ctx", "8192"),)}, "options"),
        ({"environment": (("OLLAMA_NUM_PARALLEL", "4"),)}, "environment"),
        ({"plan": "night"}, "plan"),
    ],
)
def test_unlike_runs_are_refused_and_the_difference_named(made: Any, told: dict[str, Any], key: str) -> None:
    base, new = side(made.run(1)), side(made.run(2, **told))
    with pytest.raises(UsageError, match=f"--allow KEY.*\n  {key}: .* against ") as refused:
        judge(base, new, RULE)
    assert len(str(refused.value).splitlines()) == 2
    allowed = judge(base, new, RULE, allowed=(key,))
    assert any(note.startswith(f"{key} differs, as allowed") for note in allowed.notes)


def test_other_requests_under_the_same_seed_are_refused(made: Any) -> None:
    with pytest.raises(UsageError, match="requests: 1 against 7"):
        judge(side(made.run(1)), side(made.run(1, plan_sha256="7")), RULE)


def test_another_strategy_is_refused(made: Any) -> None:
    with pytest.raises(UsageError, match="strategy: ram against ssd"):
        judge(side(made.run(1)), side(replace(made.run(2), strategy="ssd")), RULE)


def test_versions_and_seeds_may_differ_and_are_told(made: Any) -> None:
    new = made.run(2, server_version="0.33.0", profile="v0.33", toolkit_version="0.2.0", started_at="2026-01-01")
    found = judge(side(made.run(1)), side(new), RULE)
    assert ("server", "0.32.15 (profile v0.32)", "0.33.0 (profile v0.33)") in found.shown
    assert ("seed", "1", "2") in found.shown


@pytest.mark.parametrize("which", ["base", "new", "both"])
def test_a_void_run_is_refused(made: Any, which: str) -> None:
    void = ClientHealth(1, 1, 1, 1, 0.99, 0, ("the client was busy",))
    base, new = made.run(1), made.run(2)
    base = replace(base, client=void) if which != "new" else base
    new = replace(new, client=void) if which != "base" else new
    with pytest.raises(UsageError, match="client: run is void: the client was busy"):
        judge(side(base), side(new), RULE)


def test_a_run_that_was_cut_short_is_refused_even_against_its_like(made: Any) -> None:
    short = [replace(made.run(seed), complete=False) for seed in (1, 2)]
    with pytest.raises(UsageError, match="complete: run is cut short"):
        judge(side(short[0]), side(short[1]), RULE)
    assert judge(side(short[0]), side(short[1]), RULE, allowed=("complete",)).lines


def test_an_unknown_key_to_allow_is_refused(made: Any) -> None:
    with pytest.raises(UsageError, match="--allow hots: no such key; these sides have strategy, plan"):
        judge(side(made.run(1)), side(made.run(2)), RULE, allowed=("hots",))


def test_things_without_a_metric_in_common_are_refused(made: Any, go_text: Callable[[int, float], str]) -> None:
    with pytest.raises(UsageError, match="no metric in common"):
        judge(side(made.run(1)), go_side("go", go_text(1, 1.0)), RULE)


def test_repeats_must_be_of_one_thing(made: Any) -> None:
    with pytest.raises(UsageError, match="these are no repeats of one thing: host is twin in run and http://b"):
        merged("dir", [side(made.run(1)), side(made.run(2, host="http://b"))])


def test_repeats_are_joined_run_by_run(made: Any) -> None:
    joined = merged("dir", [run_side("run", made.run(seed), METRICS) for seed in (1, 2, 3)])
    warm = next(series for series in joined.series if series.name == "ttft_warm")
    assert [len(run) for run in warm.runs] == [60, 60, 60]
    assert dict(joined.shown)["seed"] == "1, 2, 3"


def test_a_burst_of_failures_is_one_event_not_twenty(made: Any) -> None:
    """Twenty rejections in a row may be one bad minute: nothing is decided, and the reason is given."""
    run = made.run(2)
    records = tuple(replace(one, outcome="rejected") if int(one.id) < 20 else one for one in run.records)
    found = judge(side(made.run(1)), side(replace(run, records=records)), RULE)
    answered = next(line.finding for line in found.lines if line.series.name == "answered")
    assert (answered.verdict, answered.correlation.time > 5) == ("inconclusive", True)


def test_what_was_zero_and_is_not_any_more_is_worse() -> None:
    """No ratio to zero exists; that something new is there is plain all the same."""
    found = judge(a_series((0.0,) * 10), a_series((5.0,) * 10), RULE)
    assert (found.verdict, found.lines[0].finding.shift) == ("regression", None)
    assert judge(a_series((0.0,) * 10), a_series((0.0,) * 10), RULE).verdict == "pass"


def test_warm_up_is_pointed_out() -> None:
    cold = tuple(9.0 - number / 5 for number in range(40))
    rest = tuple(1.0 + (number * 7 % 10) / 1000 for number in range(200))
    found = judge(a_series(cold + rest), a_series(rest), RULE)
    assert any("as warm-up" in note for note in found.notes)
