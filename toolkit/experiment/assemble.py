"""From runs to a comparison: summaries, ceiling, what can live together, the verdict. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.config.durations import format_duration
from toolkit.experiment.ceiling import optimum_of
from toolkit.replay.results import Comparison, CoResidence
from toolkit.replay.summary import summarise
from toolkit.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.experiment.facts import HostFacts
    from toolkit.replay.records import Run
    from toolkit.replay.results import Contrast
    from toolkit.workload.plan import Plan

NS_PER_S = 1e9
OVERLOADED = (
    "The host cannot serve this load under any strategy, so waits grow with the length of the plan (--speed 0.5 or "
    "--limit show where it could)."
)
REJECTED_SHARE, LATE_SHARE, LATE_NS = 0.01, 0.1, 600_000_000_000
"""More rejections than this, or answers this much (and ten minutes) after the last arrival, are an overloaded host."""
STALL_NS = 60_000_000_000
"""A load that waits longer than this for its victim is stalled: an idle model is gone within seconds."""


def assemble(
    plan: Plan, runs: Sequence[Run], facts: HostFacts, baseline: str, extra_notes: tuple[str, ...] = ()
) -> Comparison:
    """Put a comparison together from the runs of all strategies and repetitions (at least one run).

    Strategies keep the order of their first runs. `baseline` is the strategy that the verdict counts swaps against.
    """
    by_strategy: dict[str, list[Run]] = {}
    for run in runs:
        by_strategy.setdefault(run.strategy, []).append(run)
    summaries = tuple(summarise(of_one, plan.slos) for of_one in by_strategy.values())
    first_runs = tuple(of_one[0] for of_one in by_strategy.values())
    complete = next((of_one for of_one in by_strategy.values() if all(run.complete for run in of_one)), None)
    comparison = Comparison(
        title=plan.name.replace("-", " ").capitalize(),
        description=plan.description,
        verdict="",
        strategies=summaries,
        optimum=optimum_of(complete, facts.room, facts.items) if complete and facts.room else None,
        co_residence=tuple(CoResidence(models) for models in facts.together),
        context_tokens=facts.contexts,
        runs=first_runs,
        provenance=first_runs[0].provenance,
        notes=(*facts.hints, *_voids(runs), *_stalls(by_strategy), *plan.notes, *extra_notes),
        contrasts=_contrasts(by_strategy, plan, baseline),
        memory=facts.memory,
    )
    told = verdict(comparison, baseline=baseline)
    if all(_is_overloaded(run) for run in runs):
        told = f"{OVERLOADED} {told}"
    return replace(comparison, verdict=told)


def _contrasts(runs: Mapping[str, Sequence[Run]], plan: Plan, baseline: str) -> tuple[Contrast, ...]:
    """None for a single repetition: it has nothing to spread."""
    if max(len(of_one) for of_one in runs.values()) < 2:  # noqa: PLR2004 - as the docstring says
        return ()
    from toolkit.experiment.contrasts import contrasts  # noqa: PLC0415 - SciPy takes a second to import

    return contrasts(runs, plan.slos, baseline)


def _is_overloaded(run: Run) -> bool:
    """Whether the host could not keep up: it turned people away, or was still answering long after the last arrival."""
    last_ns = max((record.intended_ns for record in run.records), default=0)
    rejected = sum(record.outcome == "rejected" for record in run.records)
    late_ns = max((record.done_ns or 0 for record in run.records), default=0) - last_ns
    return rejected > REJECTED_SHARE * len(run.records) or late_ns > max(LATE_SHARE * last_ns, LATE_NS)


def _voids(runs: Sequence[Run]) -> tuple[str, ...]:
    """Say which runs measured their own client."""
    return tuple(
        f"Void: in run {run.repetition + 1} of {run.strategy} the client was the bottleneck, so its figures say "
        f"nothing about the host ({'; '.join(run.client.void)})."
        for run in runs
        if run.client is not None and run.client.void
    )


def _stalls(by_strategy: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """Say where loads waited absurdly long for their victim: the one thing in these numbers that nobody expects."""
    stalled = []
    for name, runs in by_strategy.items():
        waits_ns = [record.evict_ns or 0 for run in runs for record in run.records]
        count, longest_ns = sum(wait > STALL_NS for wait in waits_ns), max(waits_ns, default=0)
        if count:
            longest = format_duration(round(longest_ns / NS_PER_S) * 1_000_000_000)
            stalled.append(f"{count} under {name} (the longest {longest})")
    if not stalled:
        return ()
    sentence = (
        f"Loads that waited more than a minute for their victim to leave: {', '.join(stalled)}. A busy victim stays "
        "as long as requests for it keep coming; one that carries keep_alive even undoes the eviction, and every load "
        "behind it stalls."
    )
    return (sentence,)
