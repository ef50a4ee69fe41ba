"""What other programs wanted of a recorded host, read off its load averages.

A load average over one minute is the number of threads that run or want to, smoothed: every 5 s it moves towards that
number by 1 - exp(-5/60) (Linux, kernel/sched/loadavg.c). So two readings give the mean number between them. Less what
the host's own answers and loads had at work, the rest is other programs. It is fitted by few steps: a program that runs
for minutes counts, a flicker does not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.measure.activity import Activity
    from toolkit.measure.recording import Recording

NS_PER_S = 1e9
SMOOTHED_OVER_S = 60.0
LEAST_WINDOW_S = 15.0
"""Three of the kernel's looks: fewer say little."""
LEAST_NOISE = 0.3
"""Of the mean of three looks at a number of threads."""
LEAST_STEP_WINDOWS = 2
LEAST_THREADS = 0.5
"""Less is the recording's own client and the server, not another program."""


def background_of(recording: Recording, activity: Activity) -> tuple[tuple[int, float], ...]:
    """Threads of other programs from each time (ns) on; empty where load averages are missing."""
    readings = [(one.end_ns, one.load_average) for one in recording.requests if one.load_average is not None]
    return steps_of(sorted(readings), activity)


def steps_of(readings: Sequence[tuple[int, float]], activity: Activity) -> tuple[tuple[int, float], ...]:
    """The same for load averages by time (ns), in order."""
    windows = _windows(readings, activity)
    if not windows:
        return ()
    values = np.array([threads for _, threads in windows])
    steps: list[tuple[int, float]] = []
    for first, last in _segments(values):
        mean = float(np.mean(values[first:last]))
        threads = round(mean, 1) if mean >= LEAST_THREADS else 0.0
        at_ns = 0 if first == 0 else windows[first][0]
        if not steps or steps[-1][1] != threads:
            steps.append((at_ns, threads))
    return tuple(steps)


def _windows(readings: Sequence[tuple[int, float]], activity: Activity) -> list[tuple[int, float]]:
    """Begin of each window, and the threads of others in it, in the mean."""
    windows = []
    begin = 0
    for place in range(1, len(readings)):
        (from_ns, before), (until_ns, after) = readings[begin], readings[place]
        lasted_s = (until_ns - from_ns) / NS_PER_S
        if lasted_s >= LEAST_WINDOW_S:
            kept = math.exp(-lasted_s / SMOOTHED_OVER_S)
            running = (after - before * kept) / (1 - kept)
            windows.append((from_ns, running - activity.mean_threads(from_ns, until_ns)))
            begin = place
    return windows


def _segments(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[tuple[int, int]]:
    """Cut into runs of one level each, by optimal partitioning: squared error plus a price for each cut."""
    count = len(values)
    sums, squares = np.concatenate(([0.0], np.cumsum(values))), np.concatenate(([0.0], np.cumsum(values**2)))
    noise = float(np.median(np.abs(np.diff(values)))) / 0.6745 / math.sqrt(2) if count > 1 else 0.0
    price = 3 * max(noise, LEAST_NOISE) ** 2 * math.log(max(count, 2))
    best = [0.0] + [math.inf] * count
    cut = [0] * (count + 1)
    for last in range(1, count + 1):
        for first in range(max(0, last - LEAST_STEP_WINDOWS) if last < LEAST_STEP_WINDOWS else 0, last):
            if last - first < LEAST_STEP_WINDOWS and not (first == 0 and last == count):
                continue
            mean = (sums[last] - sums[first]) / (last - first)
            error = squares[last] - squares[first] - (last - first) * mean**2
            total = best[first] + error + price
            if total < best[last]:
                best[last], cut[last] = total, first
    segments = []
    last = count
    while last > 0:
        segments.append((cut[last], last))
        last = cut[last]
    return segments[::-1]
