"""The client measures itself while it measures the host: were requests on time, was the loop free, how busy was it?

The rule by which a run is void stands in `judge`; a run that is void is kept, marked, and says nothing about the host.
"""

from __future__ import annotations

import gc
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.replay.records import ClientHealth
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

LATE_NS = 5_000_000
LATE_SHARE = 0.05
BUSY_SHARE = 0.95
GC_SHARE = 0.05
SAMPLE_EVERY_S = 0.02
LOOP_GRAIN_NS = 1_500_000
"""A loop's timers are good to a millisecond and a rounding; less than this is no lag."""


@dataclass(frozen=True, slots=True)
class SelfMeasure:
    """What one process of a client noticed of itself. `wall_ns` and `cpu_ns` are of the same stretch of time."""

    schedule_lags_ns: Sequence[int]
    loop_lags_ns: Sequence[int]
    wall_ns: int
    cpu_ns: int
    gc_ns: int


def judge(measures: Sequence[SelfMeasure], median_ttft_ns: int | None) -> ClientHealth:
    """One verdict over all processes of a client.

    The run is void if the 99th percentile of the schedule lag or of the loop lag is above the larger of 5 ms and 5 %
    of the median TTFT, if a process used more than 95 % of a core, or if the garbage collector took more than 5 % of
    the time. Lags are pooled, shares are those of the worst process.
    """
    schedule = sorted(lag for one in measures for lag in one.schedule_lags_ns)
    loop = sorted(lag for one in measures for lag in one.loop_lags_ns)
    limit_ns = max(LATE_NS, round(LATE_SHARE * (median_ttft_ns or 0)))
    cpu_share = max((one.cpu_ns / one.wall_ns for one in measures if one.wall_ns > 0), default=0.0)
    gc_share = max((one.gc_ns / one.wall_ns for one in measures if one.wall_ns > 0), default=0.0)
    schedule_p99, loop_p99 = _p99(schedule), _p99(loop)
    found = []
    if schedule_p99 > limit_ns:
        found.append(f"1 % of the requests were sent {_ms(schedule_p99)} late or more (allowed {_ms(limit_ns)})")
    if loop_p99 > limit_ns:
        found.append(
            f"the event loop was held up for {_ms(loop_p99)} or more 1 % of the time (allowed {_ms(limit_ns)})"
        )
    if cpu_share > BUSY_SHARE:
        found.append(f"the client used {100 * cpu_share:.0f} % of a core (allowed {100 * BUSY_SHARE:.0f} %)")
    if gc_share > GC_SHARE:
        found.append(f"the garbage collector took {100 * gc_share:.0f} % of the time (allowed {100 * GC_SHARE:.0f} %)")
    return ClientHealth(
        schedule_lag_p99_ns=schedule_p99,
        schedule_lag_max_ns=schedule[-1] if schedule else 0,
        loop_lag_p99_ns=loop_p99,
        loop_lag_max_ns=loop[-1] if loop else 0,
        cpu_share=round(cpu_share, 4),
        gc_ns=sum(one.gc_ns for one in measures),
        void=tuple(found),
    )


def _p99(ordered: Sequence[int]) -> int:
    return round(quantile(ordered, 0.99)) if ordered else 0


def _ms(ns: int) -> str:
    return f"{ns / 1e6:.1f} ms"


class SelfWatch:
    """Watches this process from `start` to `stop`. `late` is told how late each request was sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._schedule = array("q")
        self._lags = array("q")
        self._handle: asyncio.TimerHandle | None = None
        self._expected_ns = 0
        self._gc_began_ns = 0
        self._gc_ns = 0
        self._wall_ns = 0
        self._cpu_ns = 0

    def start(self) -> None:
        """Begin."""
        self._wall_ns, self._cpu_ns = time.monotonic_ns(), time.process_time_ns()
        gc.callbacks.append(self._collecting)
        self._plan_sample()

    def late(self, lag_ns: int) -> None:
        """A request was sent so much after its moment."""
        self._schedule.append(max(0, lag_ns))

    def stop(self) -> SelfMeasure:
        """End, and what was found."""
        if self._handle is not None:
            self._handle.cancel()
        gc.callbacks.remove(self._collecting)
        wall_ns, cpu_ns = time.monotonic_ns() - self._wall_ns, time.process_time_ns() - self._cpu_ns
        return SelfMeasure(self._schedule, self._lags, wall_ns, cpu_ns, self._gc_ns)

    def _plan_sample(self) -> None:
        self._expected_ns = time.monotonic_ns() + round(SAMPLE_EVERY_S * 1e9)
        self._handle = self._loop.call_later(SAMPLE_EVERY_S, self._sample)

    def _sample(self) -> None:
        lag_ns = time.monotonic_ns() - self._expected_ns
        self._lags.append(lag_ns if lag_ns > LOOP_GRAIN_NS else 0)
        self._plan_sample()

    def _collecting(self, phase: str, info: Mapping[str, int]) -> None:
        del info
        if phase == "start":
            self._gc_began_ns = time.perf_counter_ns()
        else:
            self._gc_ns += time.perf_counter_ns() - self._gc_began_ns


def median_ns(samples: Iterable[int | None]) -> int | None:
    """The median of those that are there; None if none is."""
    ordered = sorted(sample for sample in samples if sample is not None)
    return round(quantile(ordered, 0.5)) if ordered else None
