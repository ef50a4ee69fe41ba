"""All runs of a comparison on the twin, in virtual time."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from toolkit.experiment.commit import toolkit_commit
from toolkit.experiment.likeness import digest_of, option_pairs
from toolkit.experiment.setup import check_models
from toolkit.replay.records import Provenance
from toolkit.replay.virtual import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolkit.experiment.setup import Setup
    from toolkit.replay.records import Run
    from toolkit.workload.plan import Plan


def simulate(
    setup: Setup, plans: Sequence[Plan], strategies: Sequence[str], on_answer: Callable[[], None] | None = None
) -> Iterator[Run]:
    """Play each plan (one a repetition) under each strategy; all strategies meet the same host and the same arrivals.

    Raises:
        UsageError: an unknown strategy, or a model that the twin does not have; before anything is played.
    """
    for plan in plans:
        check_models(setup, plan)
    for strategy in strategies:
        setup.dispatcher(strategy)
        setup.turns(strategy)
    for repetition, plan in enumerate(plans):
        for strategy in strategies:
            yield play(
                plan,
                setup.dispatcher(strategy),
                setup.spec,
                strategy=strategy,
                repetition=repetition,
                provenance=twin_provenance(setup, plan, len(plans)),
                turns=setup.turns(strategy),
                on_answer=on_answer,
            )


def twin_provenance(setup: Setup, plan: Plan, repeat: int) -> Provenance:
    """What must be equal before a run on the twin may be compared with another; no clock in it."""
    return Provenance(
        toolkit_version=version("hotswap-toolkit"),
        host="twin",
        server_version=setup.spec.server_version,
        profile=setup.spec.profile,
        models=tuple((model.spec.name, model.spec.digest) for model in setup.spec.models),
        options=option_pairs(setup),
        environment=setup.spec.environment,
        hardware=f"{setup.spec.description} (description {digest_of(setup.spec)[:12]})",
        plan=plan.name,
        plan_sha256=digest_of(plan.requests),
        seed=plan.seed,
        repeat=repeat,
        started_at=None,
        notes=(),
        toolkit_commit=toolkit_commit(),
    )
