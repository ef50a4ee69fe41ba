"""How well the repetitions know the answer: an interval for the load at which a promise begins to be broken.

Repetitions are drawn with replacement, the same draw at every load (they share their random numbers), and the crossing
is read off each draw's own curve, between two judged loads on a straight line over the logarithm of the load. Source:
Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from toolkit.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.judge import Judged
    from toolkit.workload.plan import Slo

DRAWS: Final = 1_000
FEWEST: Final = 4
LEVEL: Final = 0.95


def crossing_interval(curve: Sequence[Judged], slos: Sequence[Slo], estimate: float, seed: int) -> Interval | None:
    """The interval around an answer; None for fewer than four repetitions.

    A load with fewer repetitions than the answer was clear by those; of these it is drawn from again and again. One
    with fewer than four is left out. A bound that lies beyond the loads that were judged is the outermost of them.
    """
    judged = [one for one in curve if len(one.tallies) >= FEWEST]
    count = max((len(one.tallies) for one in judged), default=0)
    if len(judged) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    repeated = [[one.tallies[number % len(one.tallies)] for number in range(count)] for one in judged]
    kept = np.array([[tally.kept for tally in tallies] for tallies in repeated], dtype=np.float64)
    requests = np.array([[tally.requests for tally in tallies] for tallies in repeated], dtype=np.float64)
    promised = np.array([slo.share for slo in slos])
    draws = np.random.default_rng(seed).integers(0, count, size=(DRAWS, count))
    logs = np.log([one.load for one in judged])
    found = []
    for draw in draws:
        shares = kept[:, draw, :].sum(axis=1) / np.maximum(requests[:, draw].sum(axis=1), 1)[:, None]
        found.append(_crossing(logs, (shares - promised).min(axis=1)))
    low, high = np.exp(np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate), LEVEL, count)


def _crossing(
    logs: np.ndarray[tuple[int, ...], np.dtype[np.float64]], slacks: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> float:
    """The highest load (its logarithm) up to which the slack is not negative."""
    keeping = np.flatnonzero(slacks >= 0)
    if len(keeping) == 0:
        return float(logs[0])
    last = int(keeping[-1])
    if last == len(logs) - 1:
        return float(logs[-1])
    fall = slacks[last] - slacks[last + 1]
    part = float(slacks[last] / fall) if fall > 0 else 0.0
    return float(logs[last] + part * (logs[last + 1] - logs[last]))
