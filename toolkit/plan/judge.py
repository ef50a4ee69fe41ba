"""A load, judged by repetitions: more of them only where a few do not say clearly whether the promises are kept.

Most loads of a search lie far from the answer. Repetitions are played a few first, then twice as many, until all of
them say the same with a margin, or there are as many as were asked for. Equal numbers are played for equal loads, so
the judgement stays a plain function of the load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Final

from scipy.special import stdtrit

from toolkit.plan.tally import slack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.plan.tally import Tally
    from toolkit.workload.plan import Slo

MARGIN: Final = 2.0
"""Clear is in each repetition at most half of the misses that a promise allows, or at least twice as many, …"""
FEWEST_MISSES: Final = 8
"""… if so many are allowed (or seen, for a broken promise) in all repetitions together."""
FEWEST_FOR_T: Final = 4
CHANCE: Final = 0.01
"""Clear is, too, what a t test of misses against those allowed, repetition by repetition, finds at this level."""
KEPT, NEITHER, BROKEN = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Judged:
    """A load and what came of it; `slack` is negative where a promise is broken."""

    load: float
    tallies: tuple[Tally, ...]
    slack: float

    @property
    def keeps(self) -> bool:
        """Whether every promise was kept, all repetitions pooled."""
        return self.slack >= 0


def judged(load: float, tallies: Sequence[Tally], slos: Sequence[Slo]) -> Judged:
    """What these repetitions say of a load."""
    return Judged(load, tuple(tallies), slack(tallies, slos))


def judge(
    load: float, measure: Callable[[range], Sequence[Tally]], repetitions: range, first: int, slos: Sequence[Slo]
) -> Judged:
    """Play `first` of the repetitions, then twice as many and so on, until it is clear or all have been played."""
    count = min(first, len(repetitions))
    while True:
        found = judged(load, measure(repetitions[:count]), slos)
        if count == len(repetitions) or is_clear(found.tallies, slos):
            return found
        count = min(2 * count, len(repetitions))


def is_clear(tallies: Sequence[Tally], slos: Sequence[Slo]) -> bool:
    """Whether these repetitions say with a margin that all promises are kept, or that one is not."""
    sides = [_side(tallies, number, slo) for number, slo in enumerate(slos)]
    return KEPT * len(slos) == sum(sides) or BROKEN in sides


def _side(tallies: Sequence[Tally], number: int, slo: Slo) -> int:
    """Clearly kept, clearly broken, or neither."""
    misses = [tally.requests - tally.kept[number] for tally in tallies]
    allowed = [tally.requests * (1 - slo.share) for tally in tallies]
    pairs = tuple(zip(misses, allowed, strict=True))
    if sum(allowed) >= FEWEST_MISSES and all(missed <= most / MARGIN for missed, most in pairs):
        return KEPT
    if sum(misses) >= FEWEST_MISSES and all(missed >= most * MARGIN for missed, most in pairs):
        return BROKEN
    if len(pairs) < FEWEST_FOR_T:
        return NEITHER
    beyond = [missed - most for missed, most in pairs]
    error = stdev(beyond) / math.sqrt(len(beyond))
    if abs(fmean(beyond)) <= error * float(stdtrit(len(beyond) - 1, 1 - CHANCE / 2)):
        return NEITHER
    return BROKEN if fmean(beyond) > 0 else KEPT
