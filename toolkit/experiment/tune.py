"""Tuning: every combination on one part of the requests, the best of them on another, which it has never seen."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from toolkit.cache.disciplines.places import Places
from toolkit.cache.disciplines.registry import build_discipline
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import Spec, parse_spec, split_outside
from toolkit.cache.sweep import expanded
from toolkit.errors import UsageError
from toolkit.experiment.queue_lab import BASE_DISCIPLINE, BASE_POLICY, base_starts, tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.experiment.queue_lab import QueueTally, Traffic

Goal = Literal["wait", "p95", "swaps", "late"]
Part = tuple[float, float]
Combination = tuple[Spec, Spec]
"""A policy and a discipline."""
WORTH: Final = 0.02
"""A winner that is less than 2 % better than what needs no tuning was not worth it."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to try, by which goal to choose, and on which parts (shares of the requests).

    `policies` and `disciplines` are lists with sweeps. Of more than `most` combinations some are drawn by `seed`.

    Raises:
        UsageError: the parts overlap, or tuning would come after what is reported.
    """

    policies: str
    disciplines: str
    goal: Goal
    tune_on: Part
    report_on: Part
    most: int
    seed: int

    def __post_init__(self) -> None:
        tuned_from, tuned_to = self.tune_on
        told_from, told_to = self.report_on
        if told_from < tuned_to and tuned_from < told_to:
            raise UsageError(
                f"--report-on {told_from:g}..{told_to:g} has requests that were tuned on "
                f"({tuned_from:g}..{tuned_to:g}): a figure from there says how well it was fitted, not how good it is; "
                f"begin at {tuned_to:g} or later"
            )
        if told_to <= tuned_from:
            raise UsageError("--report-on comes before --tune-on; nobody can tune on what is yet to come")


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the search found.

    `tried` is every combination on the part that was tuned on, best first. `chosen`, `untuned` (the same policy and
    discipline with their own defaults) and `base` (LRU, first come first served) are on the part reported on.
    """

    search: Search
    workload: str
    tried_requests: int
    tried: tuple[QueueTally, ...]
    combinations: int
    chosen: QueueTally
    untuned: QueueTally
    base: QueueTally

    def figure(self, row: QueueTally) -> float:
        """What was to be as small as possible, of one of the rows."""
        return _figure(row, self.search.goal)

    @property
    def gain(self) -> float:
        """By which share the winner is better than the same without tuning, by the goal; below 0 if it is worse."""
        before = self.figure(self.untuned)
        return 1 - self.figure(self.chosen) / before if before else 0.0

    @property
    def was_worth_it(self) -> bool:
        """Whether the winner is better by more than anybody would notice."""
        return self.gain > WORTH


def _figure(row: QueueTally, goal: Goal) -> float:
    """The figure that the goal names; less is better."""
    return {"wait": row.mean_s, "p95": row.p95_s, "swaps": float(row.swaps), "late": row.latest_s}[goal]


def tuned(traffic: Traffic, search: Search) -> Tuned:
    """Search, then report. Raises UsageError for specs that are none, before anything is played."""
    every = _combinations(search)
    _check(traffic, every)
    draw = random.Random(f"tune:{search.seed}")
    chosen_few = every if len(every) <= search.most else draw.sample(every, search.most)
    first = traffic.part(*search.tune_on)
    starts_ns = base_starts(first)
    tried = [(one, tally(first, *one, starts_ns)) for one in chosen_few]
    tried.sort(key=lambda row: _figure(row[1], search.goal))
    best = tried[0][0]
    rest = traffic.part(*search.report_on)
    rest_ns = base_starts(rest)
    return Tuned(
        search,
        traffic.name,
        len(first.jobs),
        tuple(row for _, row in tried),
        len(every),
        tally(rest, *best, rest_ns),
        tally(rest, Spec(best[0].name), Spec(best[1].name), rest_ns),
        tally(rest, BASE_POLICY, BASE_DISCIPLINE, rest_ns),
    )


def _combinations(search: Search) -> list[Combination]:
    policies, disciplines = (
        [parse_spec(one) for part in split_outside(text, ",") if part.strip() for one in expanded(part.strip())]
        for text in (search.policies, search.disciplines)
    )
    every = [(policy, discipline) for policy in policies for discipline in disciplines]
    if not every:
        raise UsageError("there is nothing to try: name policies and disciplines, as in --policies lru,lrfu")
    return every


def _check(traffic: Traffic, every: list[Combination]) -> None:
    items: Mapping[str, object] = traffic.items
    around = Surroundings(traffic.capacity.size_bytes, traffic.digests, frozenset(traffic.items))
    for policy, discipline in every:
        build_policy(policy, around)
        build_discipline(discipline, Places({}, len(items)))
