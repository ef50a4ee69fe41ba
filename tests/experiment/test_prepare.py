"""The parts of a comparison, put together: models that are missing, what the report is told, the ceiling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.cache.registry import STRATEGIES
from toolkit.config.models import Config
from toolkit.errors import UsageError
from toolkit.experiment.assemble import assemble
from toolkit.experiment.names import strategy_names
from toolkit.experiment.order import Order
from toolkit.experiment.prepare import prepare
from toolkit.experiment.shape import Shape
from toolkit.experiment.simulate import simulate
from toolkit.experiment.sum_up import sum_up
from toolkit.replay.records import ClientHealth

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
ORDER = Order(
    scenario=SCENARIOS / "swap-storm.yaml", trace=None, trace_format=None, seed=None, repeat=1, num_ctx=None,
    slots=None, mix=None, speed=1.0, service_scale=1.0, limit=40,
)  # fmt: skip


def config(text: dict[str, object]) -> Config:
    """A config from plain data."""
    return Config.model_validate(text)


def test_all_strategies_by_default_and_the_optimum_is_none() -> None:
    assert strategy_names(None) == tuple(entry.name for entry in STRATEGIES if entry.by_default)
    assert strategy_names("ram, optimum,ram,lru-unload") == ("ram", "lru-unload")
    nested = "steer(policy=lrfu(decay=0.1), keep-alive=10m)"
    assert strategy_names(f"gdsf(cost=load), {nested}") == ("gdsf(cost=load)", nested)


def test_a_plan_is_refused_before_anything_is_played_if_a_model_is_missing() -> None:
    setup, plans = prepare(config({"llm": {"models": {"primary": "unheard-of:1b"}}}), ORDER)
    with pytest.raises(UsageError, match="unheard-of:1b"):
        next(simulate(setup, plans, ("ram",)))


def test_what_the_twin_lacks_is_left_out_when_asked_for() -> None:
    models = {"primary": "unheard-of:1b", "code": "deepseek-coder-v2:16b", "fast": "qwen2.5:7b"}
    unheard = config({"llm": {"models": models}})
    setup, (plan,) = prepare(unheard, ORDER, Shape(known_models=True))
    whole = prepare(unheard, ORDER)[1][0]
    assert 0 < len(plan.requests) < len(whole.requests)
    assert plan.notes[-1].startswith("Left out:")
    assert "unheard-of:1b" in plan.notes[-1]
    assert len(next(simulate(setup, (plan,), ("ram",))).records) == len(plan.requests)


def test_the_contexts_override_reaches_every_request() -> None:
    setup, plans = prepare(Config(), replace(ORDER, num_ctx=4096))
    assert {options["num_ctx"] for options in setup.options.values()} == {4096}
    assert setup.facts.contexts == tuple((name, 4096) for name, _ in setup.facts.contexts)
    assert plans[0].name == "swap-storm"


def test_the_configs_keep_alive_reaches_the_strategy() -> None:
    setup, plans = prepare(config({"llm": {"cache": {"type": "ssd", "keep_alive": "7m"}}}), ORDER)
    runs = list(simulate(setup, plans, (setup.baseline,)))
    assert {record.keep_alive_ns for record in runs[0].records} == {7 * 60 * 1_000_000_000}


def test_a_way_out_is_named_when_no_two_models_fit() -> None:
    setup, _ = prepare(Config(), ORDER)
    assert setup.facts.hints == (
        "At a context of 16,384 tokens deepseek-coder-v2:16b and qwen2.5:7b would live together: try --num-ctx 16384.",
    )
    assert prepare(Config(), replace(ORDER, num_ctx=4096))[0].facts.hints == ()


def test_the_ceiling_of_a_swap_storm_is_nothing() -> None:
    setup, plans = prepare(Config(), ORDER)
    comparison = sum_up(setup, plans[0], list(simulate(setup, plans, ("server-default", "none"))))
    assert comparison.optimum is not None
    assert (comparison.optimum.hits, comparison.optimum.method) == (0, "exact")
    assert [one.strategy for one in comparison.strategies] == ["server-default", "none"]
    assert comparison.title == "Swap storm"
    assert comparison.verdict


def test_a_run_cut_short_has_no_ceiling() -> None:
    setup, plans = prepare(Config(), ORDER)
    (run,) = simulate(setup, plans, ("ram",))
    comparison = assemble(plans[0], [replace(run, complete=False)], setup.facts, "ram")
    assert comparison.optimum is None
    assert comparison.verdict.startswith("The run was cut short")


def test_a_stall_is_told_once_for_all_strategies() -> None:
    setup, plans = prepare(Config(), ORDER)
    (run,) = simulate(setup, plans, ("ram",))
    stalled = replace(run, records=(replace(run.records[0], evict_ns=90 * 1_000_000_000), *run.records[1:]))
    notes = assemble(plans[0], [stalled, replace(stalled, strategy="ssd")], setup.facts, "ram").notes
    assert sum("1 under ram (the longest 1m30s), 1 under ssd" in note for note in notes) == 1


def test_a_run_that_measured_its_own_client_is_named_in_the_notes() -> None:
    setup, plans = prepare(Config(), ORDER)
    (run,) = simulate(setup, plans, ("ram",))
    health = ClientHealth(9_000_000, 9_000_000, 0, 0, 0.5, 0, ("1 % of the requests were sent 9.0 ms late or more",))
    kept_up = replace(health, void=())
    (told,) = [note for note in sum_up(setup, plans[0], (replace(run, client=health),)).notes if "Void" in note]
    assert "run 1 of ram" in told
    assert "sent 9.0 ms late" in told
    assert not [note for note in sum_up(setup, plans[0], (replace(run, client=kept_up),)).notes if "Void" in note]


def test_a_shaped_plan_is_chosen_before_it_is_hurried() -> None:
    order = replace(ORDER, speed=2.0, limit=3)
    _, (whole,) = prepare(Config(), replace(ORDER, limit=None))
    _, (plan,) = prepare(Config(), order, Shape(from_ns=600_000_000_000, models=("qwen2.5:7b",)))
    assert len(plan.requests) <= 3
    wanted = {request.id for request in whole.requests if (request.at_ns or 0) >= 600_000_000_000}
    assert {request.id for request in plan.requests} <= wanted
    first = next(request for request in whole.requests if request.id == plan.requests[0].id)
    assert plan.requests[0].at_ns == ((first.at_ns or 0) - 600_000_000_000) // 2
