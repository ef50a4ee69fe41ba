"""The comparison that was ordered: which strategies, on the twin or on a real host, summed up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from toolkit.cache.disciplines.places import Places
from toolkit.cache.offline_slots import lru_hits, min_hits
from toolkit.cache.registry import STRATEGIES, StrategyContext, build_strategy
from toolkit.cache.spec import split_outside
from toolkit.cache.sweep import expanded
from toolkit.errors import UsageError
from toolkit.experiment.order import hurried, plans_for, unhurried
from toolkit.experiment.queues import build_turns, split_queue
from toolkit.experiment.setup import Setup, setup_from_config, with_equal_places
from toolkit.experiment.shape import shaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.config.models import Config
    from toolkit.experiment.order import Order
    from toolkit.experiment.shape import Shape
    from toolkit.replay.records import Run
    from toolkit.replay.results import Comparison
    from toolkit.workload.plan import Plan

Wiring: TypeAlias = "Callable[[Config, int | None], Setup]"
"""From a config, and the context that all requests ask for, to what runs share."""
QUEUED = "lru+least-wait"
"""Shown beside the strategies when nobody asked for any, on the twin: what a queue before the host would do."""
NO_QUEUE = "none"
"""Among the disciplines: no queue before the host."""
OPTIMUM = "optimum"
"""May be named among the strategies; it is no strategy but the ceiling, and it is always there."""


def strategy_names(given: str | None) -> tuple[str, ...]:
    """The strategies of `--strategies a,b`, each once, or all of them.

    Raises:
        UsageError: an unknown name, or none left.
    """
    if given is None:
        return tuple(entry.name for entry in STRATEGIES if entry.by_default)
    asked = [name for part in split_outside(given, ",") if part.strip() for name in expanded(part.strip())]
    names = tuple(dict.fromkeys(name for name in asked if name != OPTIMUM))
    if not names:
        also = "; the optimum is always shown" if asked else ""
        raise UsageError(f"--strategies names none; write for example --strategies ram,lru-unload{also}")
    for name in names:
        _check(name)
    return names


def with_queues(names: Sequence[str], given: str | None) -> tuple[str, ...]:
    """Every strategy behind every discipline of `--disciplines none,shadow`; `none` is the server's own queue.

    Raises:
        UsageError: an unknown discipline, or a strategy that has a queue already.
    """
    if given is None:
        return tuple(names)
    queues = [name for part in split_outside(given, ",") for name in expanded(part.strip()) if name]
    combined = tuple(name if queue == NO_QUEUE else f"{name}+{queue}" for queue in queues for name in names)
    if not combined:
        raise UsageError("--disciplines names none; write for example --disciplines none,shadow(bound=10m)")
    for name in combined:
        _check(name)
    return combined


def _check(name: str) -> None:
    """Raises UsageError if there is no such strategy or queue."""
    strategy, queue = split_queue(name)
    build_strategy(strategy, StrategyContext())
    if queue is not None:
        build_turns(queue, Places({}, 1))


def one_strategy(given: str) -> str:
    """The strategy of `--strategy NAME`. Raises UsageError if there is none of this name."""
    name = given.strip()
    _check(name)
    return name


def prepare(
    config: Config, order: Order, shape: Shape | None = None, wire: Wiring = setup_from_config
) -> tuple[Setup, tuple[Plan, ...]]:
    """The parts that all runs share, wired by `wire`, and a plan for each repetition, shaped as wanted.

    Parts of a plan are chosen before its pace is: `--from` and `--until` are times of the recording.
    """
    setup = wire(config, order.num_ctx)
    if shape is None or shape.is_plain:
        plans = plans_for(order, config)
    else:
        plans = tuple(_shaped(plan, shape, order, setup) for plan in plans_for(unhurried(order), config))
    return (setup if order.slots is None else with_equal_places(setup, plans[0], order.slots)), plans


def _shaped(plan: Plan, shape: Shape, order: Order, setup: Setup) -> Plan:
    return shaped(
        plan,
        shape,
        lambda request: request.model or setup.router.route(request.text).model,
        lambda part: hurried(part, order),
    )


def sum_up(setup: Setup, plan: Plan, runs: Sequence[Run]) -> Comparison:
    """Sum up the runs; a plan that names its models gets a note with figures that anybody can check."""
    from toolkit.experiment.assemble import assemble  # noqa: PLC0415 - not before the first request is sent

    names = tuple(dict.fromkeys(run.strategy for run in runs))
    return assemble(plan, runs, setup.facts, _baseline(setup.baseline, names), extra_notes=_reference(setup, plan))


def _baseline(own: str, names: Sequence[str]) -> str:
    """The config's own strategy as it was played: behind a queue, where all are."""
    return own if own in names else next((name for name in names if split_queue(name)[0] == own), own)


def _reference(setup: Setup, plan: Plan) -> tuple[str, ...]:
    """Textbook figures of the plan's own order of models, for as many equal places as the client allows models."""
    models = [request.model for request in plan.requests]
    named = [model for model in models if model is not None]
    slots = setup.context.max_models
    if slots is None or len(named) != len(models):
        return ()
    lru, most = lru_hits(named, slots), min_hits(named, slots)
    places = f"Served one at a time in file order on {slots} equal places, {len(named):,} requests have"
    return (f"{places} {lru:,} hits under LRU and {most:,} under the optimum.",)
