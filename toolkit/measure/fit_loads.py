"""What starting and ending a runner costs: a process, and then each byte that it fills or gives back.

A load ends with a look of the server at its runner, one every 250 ms and a little. So what is observed is not how long
a load took but between which two looks it ended. The likeliest constants are those that give the observed looks the
highest probability, when loads spread by a log-normal factor, as on the twin; one in three hundred may have been held
up by anything at all. The end of a process is seen to the millisecond: Theil and Sen's line, the median of all slopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr
from scipy.stats import theilslopes

from toolkit.host import timing
from toolkit.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.measure.robust import Floats

NS_PER_S = 1e9
LOOK_PERIOD_S = (timing.HEALTH_PAUSE_NS + sum(timing.HEALTH_LOOK_NS) / 2) / NS_PER_S
HELD_UP = 1 / 300
RESAMPLED = 60
LEVEL = 0.95
LEAST_ROWS = 5
"""Fewer loads from one source do not tell its speed."""
FIRST_GUESS = (0.125, 1.2e9, 0.7e9, 0.08)
LEAST_SPREAD, MOST_SPREAD = 0.02, 0.5


@dataclass(frozen=True, slots=True)
class LoadSeen:
    """One load: bytes of the file and of the buffers that stay on the host, and how long until the runner was in hand.

    `cached`: the file was in the page cache.
    """

    file_bytes: int
    buffer_bytes: int
    cached: bool
    duration_ns: int


@dataclass(frozen=True, slots=True)
class StopSeen:
    """The end of one process: what it held of the host's memory, and how long it took to go."""

    host_bytes: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Loads:
    """Seconds to start, bytes a second from page cache and disk (None: never seen), spread (sigma of the logarithm)."""

    start_s: Interval
    cached_bytes_per_s: Interval | None
    disk_bytes_per_s: Interval | None
    spread: float
    rows: int


@dataclass(frozen=True, slots=True)
class Stops:
    """Seconds for a process that held nothing, and for each byte more."""

    stop_s: Interval
    s_per_byte: Interval


def fit_loads(rows: Sequence[LoadSeen], rng: np.random.Generator) -> Loads | None:
    """Fit the loads; None where fewer than five were seen."""
    if len(rows) < LEAST_ROWS:
        return None
    table = np.array([[row.file_bytes, row.buffer_bytes, row.cached, row.duration_ns / NS_PER_S] for row in rows])
    best = _likeliest(table, FIRST_GUESS)
    resampled = np.array(
        [_likeliest(table[chosen], tuple(best)) for chosen in rng.integers(0, len(rows), (RESAMPLED, len(rows)))]
    )
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail], axis=0)

    def interval(place: int, count: int) -> Interval:
        value = float(best[place])
        return Interval(value, float(min(low[place], value)), float(max(high[place], value)), LEVEL, count)

    cached = int(np.sum(table[:, 2]))
    disk = len(rows) - cached
    return Loads(
        interval(0, len(rows)),
        interval(1, cached) if cached >= LEAST_ROWS else None,
        interval(2, disk) if disk >= LEAST_ROWS else None,
        float(best[3]),
        len(rows),
    )


def fit_stops(rows: Sequence[StopSeen]) -> Stops | None:
    """Fit the ends of processes; None where there are too few, or all held the same."""
    if len(rows) < LEAST_ROWS or len({row.host_bytes for row in rows}) < 2:  # noqa: PLR2004 - a line needs two places
        return None
    held = np.array([row.host_bytes for row in rows], dtype=float)
    took = np.array([row.duration_ns for row in rows]) / NS_PER_S
    slope, _, low, high = theilslopes(took, held, LEVEL)
    slope = max(float(slope), 0.0)
    rest = np.sort(took - slope * held)
    base = max(float(np.median(rest)), 0.0)
    spread = 1.96 * float(np.median(np.abs(rest - base))) / 0.6745 * 1.2533 / np.sqrt(len(rest))  # of a median
    return Stops(
        Interval(base, max(base - spread, 0.0), base + spread, LEVEL, len(rows)),
        Interval(slope, max(min(float(low), slope), 0.0), max(float(high), slope), LEVEL, len(rows)),
    )


def _likeliest(table: Floats, guess: tuple[float, ...]) -> Floats:
    """Start, speeds and spread of the highest likelihood, by Nelder and Mead's simplex over their logarithms."""
    found = minimize(
        lambda point: _surprise(table, np.exp(np.clip(point, -40, 40))),
        np.log(guess),
        method="Nelder-Mead",
        options={"xatol": 1e-3, "fatol": 1e-3, "maxiter": 600},
    )
    return np.asarray(np.exp(found.x))


def _surprise(table: Floats, values: Floats) -> float:
    """The negative logarithm of the probability of the observed looks."""
    start_s, cached, disk, spread = values
    if not LEAST_SPREAD <= spread <= MOST_SPREAD:
        return 1e9
    read_s = np.where(table[:, 2] > 0, table[:, 0] / cached, table[:, 0] / disk)
    # A first touch of memory costs the same, whatever is written into it.
    raw_s = start_s + read_s + table[:, 1] / cached
    looks = np.maximum(1.0, np.round((table[:, 3] - timing.LOAD_ANSWER_NS / NS_PER_S) / LOOK_PERIOD_S))
    until = ndtr(np.log(looks * LOOK_PERIOD_S / raw_s) / spread)
    before = np.where(looks > 1, ndtr(np.log(np.maximum(looks - 1, 0.5) * LOOK_PERIOD_S / raw_s) / spread), 0.0)
    return float(-np.sum(np.log((1 - HELD_UP) * (until - before) + HELD_UP)))
