"""What a metric is: a name, a unit, which way is better, its formula, and how to get samples of it from a run.

Two classes, because there are two kinds of numbers. A *request metric* has one value a request; a run has as many
samples as requests that have what the metric needs. A *run metric* (a rate) has one value for any stretch of time. A
run is then cut into equal blocks, and each block's value is one sample: the method of batch means (Schmeiser, Batch
Size Effects in the Analysis of Simulation Output, Operations Research 30, 1982: 10 to 30 blocks do, more gain little).

Only requests of the phase `measure` count. A value that cannot be had is None and makes no sample; it is never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolkit.replay.records import RequestRecord, Run
    from toolkit.stats.decide import Better, Kind

Unit = Literal["ns", "token/s", "request/s", "1/h", "share", "bytes"]

BLOCKS = 20


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a run, half open: what happened from `start_ns` to before `end_ns`."""

    run: Run
    start_ns: int
    end_ns: int

    def holds(self, moment_ns: int | None) -> bool:
        """Say whether a moment lies in it."""
        return moment_ns is not None and self.start_ns <= moment_ns < self.end_ns

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class RequestMetric:
    """One value a request.

    `needs` names the fields of the record without which there is no value; `of` picks the requests that it speaks of;
    `formula` and `elsewhere` (who defines it otherwise) are for people.
    """

    name: str
    unit: Unit
    better: Better
    kind: Kind
    needs: tuple[str, ...]
    formula: str
    elsewhere: str
    of: Callable[[RequestRecord], bool]
    value: Callable[[RequestRecord], float | None]

    def samples(self, run: Run) -> tuple[float, ...]:
        """Return the run's values in the order of intended arrival; requests without what is needed make none."""
        found = (
            self.value(record)
            for record in sorted(measured(run), key=lambda record: record.intended_ns)
            if self.of(record) and all(getattr(record, field) is not None for field in self.needs)
        )
        return tuple(value for value in found if value is not None)


@dataclass(frozen=True, slots=True)
class RunMetric:
    """One value a stretch of time; `formula` and `elsewhere` as for request metrics."""

    name: str
    unit: Unit
    better: Better
    kind: Kind
    needs: tuple[str, ...]
    formula: str
    elsewhere: str
    value: Callable[[Window], float | None]

    def samples(self, run: Run) -> tuple[float, ...]:
        """Return one value for each of `BLOCKS` equal blocks of the measured part; none if it has no length."""
        found = (self.value(window) for window in blocks(run, BLOCKS))
        return tuple(value for value in found if value is not None)

    def whole(self, run: Run) -> float | None:
        """Return the value over the whole measured part."""
        return next((self.value(window) for window in blocks(run, 1)), None)


Metric = RequestMetric | RunMetric


def measured(run: Run) -> Iterable[RequestRecord]:
    """The requests that count: not those of warm-up and drain."""
    return (record for record in run.records if record.phase == "measure")


def blocks(run: Run, count: int) -> tuple[Window, ...]:
    """Cut the time from the first to the last intended arrival that counts into equal blocks.

    What is still answered after the last arrival is drain: a rate over it would depend on how long one waits.
    """
    moments = [record.intended_ns for record in measured(run)]
    if not moments or max(moments) == min(moments):
        return ()
    start_ns, length_ns = min(moments), max(moments) - min(moments)
    cuts = [start_ns + length_ns * number // count for number in range(count + 1)]
    cuts[-1] += 1  # half open, and the last arrival is inside
    return tuple(Window(run, low, high) for low, high in pairwise(cuts) if high > low)
