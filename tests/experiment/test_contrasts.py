"""Figures over repetitions, and which differences are real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolkit.config.models import Config
from toolkit.experiment.order import Order
from toolkit.experiment.prepare import prepare
from toolkit.experiment.simulate import simulate
from toolkit.experiment.sum_up import sum_up
from toolkit.report.results_json import to_jsonable
from toolkit.report.terminal import terminal_text

ORDER = Order(
    scenario=Path(__file__).parents[2] / "scenarios/swap-storm.yaml", trace=None, trace_format=None, seed=None,
    repeat=7, num_ctx=None, slots=None, mix=None, speed=1.0, service_scale=1.0, limit=60,
)  # fmt: skip
STRATEGIES = ("server-default", "none", "server-default+fcfs")


def test_every_figure_of_every_strategy_is_held_against_the_servers_own() -> None:
    setup, plans = prepare(Config(), ORDER)
    comparison = sum_up(setup, plans[0], list(simulate(setup, plans, STRATEGIES)))
    found = {(one.strategy, one.figure): one for one in comparison.contrasts}
    figures = {figure for _, figure in found}
    assert {"wait mean", "wait p95", "hit rate"} < figures
    assert len(found) == len(STRATEGIES) * len(figures) == len(comparison.contrasts)
    own = found["server-default", "wait mean"]
    assert (own.verdict, own.change, own.repetitions) == (None, None, 7)
    assert own.interval is not None
    assert own.interval.low <= (own.median or 0) <= own.interval.high
    judged = [one for one in comparison.contrasts if one.strategy != "server-default"]
    assert {one.verdict for one in judged} <= {"better", "worse", "same", "inconclusive"}
    assert all(one.change is not None for one in judged)
    text = terminal_text(comparison)
    assert "Over 7 repetitions, against server-default in the same repetition" in text
    told = to_jsonable(comparison)["contrasts"]
    assert [row["strategy"] for row in told] == [one.strategy for one in comparison.contrasts]


def test_one_repetition_spreads_nothing_and_two_show_nothing() -> None:
    for repeat, count in ((1, 0), (2, 1)):
        setup, plans = prepare(Config(), replace(ORDER, repeat=repeat))
        comparison = sum_up(setup, plans[0], list(simulate(setup, plans, STRATEGIES[:2])))
        assert bool(comparison.contrasts) == bool(count)
        assert {one.verdict for one in comparison.contrasts} <= {None, "inconclusive"}
        assert "--repeat" in terminal_text(comparison) or not count
