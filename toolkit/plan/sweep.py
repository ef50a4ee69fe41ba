"""Points in, tallies out: what is known is taken from the file, the rest is run, and each is kept as it is finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from toolkit.plan.case import Point
from toolkit.plan.evaluate import Evaluate, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.case import Case
    from toolkit.plan.evaluate import Study
    from toolkit.plan.executors.base import Executor
    from toolkit.plan.points import Points
    from toolkit.plan.tally import Tally


class Watcher(Protocol):
    """Is told how far a sweep is; `weight` is the cost of a point, in points of load 1."""

    def expects(self, stage: str, weight: float) -> None:
        """A stage begins that will cost about so much, finished points not counted."""
        ...

    def finished(self, weight: float) -> None:
        """A point is finished."""
        ...


class Unwatched:
    """Nobody looks."""

    def expects(self, stage: str, weight: float) -> None:
        """Nothing happens."""

    def finished(self, weight: float) -> None:
        """Nothing happens."""


class Sweep:
    """Runs the points of one study."""

    def __init__(self, study: Study, executor: Executor, points: Points, watcher: Watcher) -> None:
        self.study = study
        self._work = Evaluate(study)
        self._digest = study.digest
        self._executor = executor
        self._points = points
        self._watcher = watcher
        self.computed = 0
        """Points that were run, not taken from what is known."""

    def measure(
        self, wanted: Sequence[tuple[Case, float]], repetitions: range, stage: str
    ) -> tuple[tuple[Tally, ...], ...]:
        """The tallies of each (case, load), repetition by repetition; all that is missing runs at once."""
        points = [Point(case, load, number) for case, load in wanted for number in repetitions]
        keys = {point: key_of(self._digest, point) for point in dict.fromkeys(points)}
        known = {point: tally for point, key in keys.items() if (tally := self._points.get(key)) is not None}
        # The longest first: no worker then begins a long one when the others have nothing left to do.
        missing = sorted((point for point in keys if point not in known), key=lambda point: -point.load)
        self._watcher.expects(stage, sum(point.load for point in missing))
        for place, tally in self._executor.run(self._work, missing):
            point = missing[place]
            self._points.put(keys[point], tally)
            known[point] = tally
            self.computed += 1
            self._watcher.finished(point.load)
        size = len(repetitions)
        return tuple(
            tuple(known[point] for point in points[start : start + size]) for start in range(0, len(points), size)
        )
