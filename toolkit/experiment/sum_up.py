"""From the runs that were played to what is shown of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.offline_slots import lru_hits, min_hits
from toolkit.experiment.assemble import assemble
from toolkit.experiment.names import split_queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiment.client import ClientSetup
    from toolkit.replay.records import Run
    from toolkit.replay.results import Comparison
    from toolkit.workload.plan import Plan


def sum_up(setup: ClientSetup, plan: Plan, runs: Sequence[Run]) -> Comparison:
    """Sum up the runs; a plan that names its models gets a note with figures that anybody can check."""
    names = tuple(dict.fromkeys(run.strategy for run in runs))
    return assemble(plan, runs, setup.facts, _baseline(setup.baseline, names), extra_notes=_reference(setup, plan))


def _baseline(own: str, names: Sequence[str]) -> str:
    """The config's own strategy as it was played: behind a queue, where all are."""
    return own if own in names else next((name for name in names if split_queue(name)[0] == own), own)


def _reference(setup: ClientSetup, plan: Plan) -> tuple[str, ...]:
    """Textbook figures of the plan's own order of models, for as many equal places as the client allows models."""
    models = [request.model for request in plan.requests]
    named = [model for model in models if model is not None]
    slots = setup.context.max_models
    if slots is None or len(named) != len(models):
        return ()
    lru, most = lru_hits(named, slots), min_hits(named, slots)
    places = f"Served one at a time in file order on {slots} equal places, {len(named):,} requests have"
    return (f"{places} {lru:,} hits under LRU and {most:,} under the optimum.",)
