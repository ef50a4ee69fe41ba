"""The largest load at which every promise is kept, found by bracketing and bisection.

Every load is judged by the same repetitions, with the same random numbers, so the judgement is a plain function of the
load: no luck lies between two of them. A load far from the answer needs only the first few (see `judge`). It is *not*
monotone by construction: a host that is asked more seldom lets its models expire, and may keep its promises less well.
So the search begins with a scan, takes the highest load that keeps the promises and the next one above it that does
not, and halves what lies between; every failing load below the answer is reported. What a load above the scan would do
is taken as settled once a load fails that is twice as high.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from toolkit.plan.judge import judge, judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.judge import Judged
    from toolkit.plan.tally import Tally
    from toolkit.workload.plan import Slo

SCAN: Final = (0.25, 0.5, 1.0, 2.0)
LOWEST: Final = 1 / 64
HIGHEST: Final = 64.0
"""Beyond so many times the workload nothing is simulated: that host has nothing to fear from this workload."""
LONG_PLAN: Final = 2_500
"""Requests in a plan."""
_THE_SAME: Final = 0.005
"""Loads nearer to each other than this tell the same."""
REFUTED_AT: Final = 1.1
"""An answer must fail at so many times its load."""


class Measure(Protocol):
    """Simulates loads: `counts` repetitions of each, always the same ones."""

    def __call__(self, loads: Sequence[float], repetitions: int) -> Sequence[Sequence[Tally]]:
        """The tallies of each load."""
        ...


class Snap(Protocol):
    """Rounds a load."""

    def __call__(self, load: float) -> float:
        """The nearest load that there is."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    `load` is the answer, None if no load keeps the promises. `curve` has every load judged, lowest first, with the most
    repetitions that it had. `open_end`: even the highest load that is simulated keeps the promises.
    """

    load: float | None
    curve: tuple[Judged, ...]
    repetitions: int
    open_end: bool = False

    @property
    def failing_below(self) -> tuple[float, ...]:
        """Loads below the answer that break a promise: where this is not empty, less load is not safer."""
        return tuple(one.load for one in self.curve if self.load is not None and one.load < self.load and not one.keeps)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated.

    `scan` repetitions of each load of the scan, and first of any load; then as many as it takes for `requests`, within
    bounds, unless the first ones are clear.
    Bisection ends when the ratio of the bracket's ends is at most `tolerance`.
    """

    scan: int = 4
    requests: int = 4_000
    fewest: int = 6
    most: int = 16
    tolerance: float = 1.02

    def repetitions(self, tallies: Sequence[Tally]) -> int:
        """How many repetitions of a load like this one; a few of very long plans say as much as many of short ones."""
        mean = sum(tally.requests for tally in tallies) / max(len(tallies), 1)
        fewest = self.fewest if mean <= LONG_PLAN else min(2, self.fewest)
        return min(max(math.ceil(self.requests / max(mean, 1)), fewest), self.most)

    def scans(self, load: float) -> int:
        """How many repetitions of a load of the scan; far above the workload two are enough to find the bracket."""
        return self.scan if load <= SCAN[-1] else min(2, self.scan)


class LoadSearch:
    """One search. `snapped` rounds a load to one that there is (whole users); `whole` says that it does."""

    def __init__(
        self, measure: Measure, slos: Sequence[Slo], snapped: Snap, effort: Effort, *, highest: float = HIGHEST
    ) -> None:
        self._measure = measure
        self._slos = slos
        self._snapped = snapped
        self._effort = effort
        self._highest = highest
        self._judged: dict[float, Judged] = {}

    def run(self) -> Found:
        """Scan, bracket, halve."""
        self._judge(self._loads(SCAN), self._effort.scan)
        while self._top().keeps and self._top().load < self._highest:
            higher = self._loads((min(self._top().load * 2, self._highest),))
            self._judge(higher, self._effort.scans(higher[0]))
        while not any(one.keeps for one in self._judged.values()) and self._judge_lower():
            pass
        keeping = [one for one in self._judged.values() if one.keeps]
        if not keeping:
            return self._found(None, self._effort.scan)
        low = max(keeping, key=lambda one: one.load)
        if low.load >= self._highest:
            return self._found(low.load, self._effort.scan, open_end=True)
        return self.refine(low.load, self._effort.repetitions(low.tallies))

    def refine(self, around: float, repetitions: int) -> Found:
        """Judge by so many repetitions from `around` on: find a keeping and a failing load, and halve between them."""
        low = self._one(around, repetitions)
        step = math.sqrt(2)
        while not low.keeps:
            lower = self._snapped(low.load / step)
            if lower < LOWEST or lower >= low.load:
                return self._found(None, repetitions)
            low = self._one(lower, repetitions)
        high = self._one(self._above(low.load, step), repetitions)
        while high.keeps:
            if high.load >= self._highest:
                return self._found(high.load, repetitions, open_end=True)
            low, high = high, self._one(self._above(high.load, step), repetitions)
        while high.load / low.load > self._effort.tolerance:
            middle = self._snapped(math.sqrt(low.load * high.load))
            if not low.load < middle < high.load:
                break
            tried = self._one(middle, repetitions)
            low, high = (tried, high) if tried.keeps else (low, tried)
        return self._found(self._answer(low, high), repetitions)

    def _answer(self, low: Judged, high: Judged) -> float:
        """Where to stand: half of the ten percent below the crossing, so that both sides have the same margin."""
        crossing = math.sqrt(low.load * high.load)
        return min(self._snapped(crossing / math.sqrt(REFUTED_AT)), low.load) if self._is_fine(low.load) else low.load

    def _is_fine(self, load: float) -> bool:
        """Whether loads are fine enough here for a margin of five percent."""
        return self._snapped(load * 1.01) != self._snapped(load)

    def _above(self, load: float, step: float) -> float:
        """The next load upwards that there is; one that is known already rather than its neighbour."""
        higher = self._snapped(min(load * step, self._highest))
        while higher <= load:
            step += 0.05
            higher = self._snapped(load * step)
        return next((known for known in self._judged if known > load and abs(known / higher - 1) < _THE_SAME), higher)

    def _judge_lower(self) -> bool:
        lowest = min(self._judged)
        lower = self._snapped(lowest / 4)
        if lower >= lowest or lower < LOWEST:
            return False
        self._judge((lower,), self._effort.scan)
        return True

    def _top(self) -> Judged:
        return self._judged[max(self._judged)]

    def _loads(self, loads: Sequence[float]) -> tuple[float, ...]:
        return tuple(dict.fromkeys(self._snapped(load) for load in loads))

    def _one(self, load: float, repetitions: int) -> Judged:
        """A load that the search steps on: as many repetitions as it needs, at most these."""

        def measure(some: range) -> Sequence[Tally]:
            return self._measure((load,), len(some))[0]

        found = judge(load, measure, range(repetitions), self._effort.scan, self._slos)
        self._judged[load] = found
        return found

    def _judge(self, loads: Sequence[float], repetitions: int) -> None:
        for load, tallies in zip(loads, self._measure(loads, repetitions), strict=True):
            self._judged[load] = judged(load, tallies, self._slos)

    def _found(self, load: float | None, repetitions: int, *, open_end: bool = False) -> Found:
        curve = tuple(self._judged[key] for key in sorted(self._judged))
        return Found(load, curve, repetitions, open_end)
