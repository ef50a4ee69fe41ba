"""What computed when in a recording, and how much that slowed down whatever else computed.

Services and loads of the recorded host take cores from each other, and other programs take some from all. From when
each was at work follows at every moment the rate at which work advanced, by the same rule as on the twin
(`toolkit.host.virtual.Cores`); over an interval, the work that was done in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.measure.outcomes import outcomes_of
from toolkit.measure.services import services_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from toolkit.host.virtual import Cores
    from toolkit.measure.recording import Recording


@dataclass(frozen=True, slots=True)
class Span:
    """Something that computed from `begin_ns` to `end_ns` with so many threads."""

    begin_ns: int
    end_ns: int
    threads: float


class Activity:
    """The threads at work as steps in time."""

    def __init__(self, spans: Iterable[Span]) -> None:
        changes: dict[int, float] = {}
        for span in spans:
            changes[span.begin_ns] = changes.get(span.begin_ns, 0.0) + span.threads
            changes[span.end_ns] = changes.get(span.end_ns, 0.0) - span.threads
        times = sorted(changes)
        self._times = np.array(times, dtype=float)
        self._threads = np.cumsum([changes[at_ns] for at_ns in times]) if times else np.zeros(0)

    def mean_threads(self, begin_ns: float, end_ns: float) -> float:
        """Threads at work, in the mean over an interval."""
        area = _integral(self._times, self._threads, np.array([begin_ns, end_ns]))
        return float((area[1] - area[0]) / (end_ns - begin_ns))

    def work_ns(self, cores: Cores, begin_ns: NDArray[np.float64], end_ns: NDArray[np.float64]) -> NDArray[np.float64]:
        """What was done in each interval by one that worked all through it, in ns of a core of its own."""
        background = sorted(cores.background)
        times = np.union1d(self._times, np.array([at_ns for at_ns, _ in background], dtype=float))
        if not len(times):
            return end_ns - begin_ns
        own = _value_at(self._times, self._threads, times)
        others = _value_at(
            np.array([at_ns for at_ns, _ in background], dtype=float),
            np.array([threads for _, threads in background], dtype=float),
            times,
        )
        rates = np.array([cores.rate(max(mine, 1.0), theirs) for mine, theirs in zip(own, others, strict=True)])
        return _integral(times, rates, end_ns, 1.0) - _integral(times, rates, begin_ns, 1.0)


def spans_of(recording: Recording, threads: float = 1.0) -> list[Span]:
    """What the host did: answers with so many threads each, loads with one (by the log, or by the counters)."""
    spans = [Span(service.begin_ns, service.end_ns, threads) for service in services_of(recording).values()]
    if recording.has_log:
        spans += [Span(life.start_ns, life.ready_ns, 1.0) for life in recording.lives if life.ready_ns is not None]
        return spans
    found = outcomes_of(recording)
    for request in recording.requests:
        outcome = found.get(request.number)
        if outcome is not None and outcome.found == "cold" and outcome.wait_ns is not None:
            spans.append(Span(request.sent_ns, request.sent_ns + outcome.wait_ns, 1.0))
    return spans


def _value_at(
    times: NDArray[np.float64], values: NDArray[np.float64], at_ns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Steps: the value since the last change; 0 before the first."""
    if not len(times):
        return np.zeros(len(at_ns))
    return np.concatenate(([0.0], values))[np.searchsorted(times, at_ns, side="right")]


def _integral(
    times: NDArray[np.float64], values: NDArray[np.float64], at_ns: NDArray[np.float64], before: float = 0.0
) -> NDArray[np.float64]:
    """The area under the steps from the first change up to each time; `before` is the value until then."""
    if not len(times):
        return at_ns * before
    areas = np.concatenate(([0.0], np.cumsum(values[:-1] * np.diff(times))))
    place = np.searchsorted(times, at_ns, side="right") - 1
    inside = areas[np.maximum(place, 0)] + values[np.maximum(place, 0)] * (at_ns - times[np.maximum(place, 0)])
    return np.where(place < 0, (at_ns - times[0]) * before, inside)
