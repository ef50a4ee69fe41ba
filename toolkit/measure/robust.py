"""Robust fits of times that grow with something: sums of non-negative terms, relative errors, few outliers.

Times spread by factors, not by seconds, and other programs make some of them much longer. So what is minimised is
Huber's loss of the relative residuals (Huber 1964), by iteratively reweighted non-negative least squares. Intervals are
percentiles over resampled observations (the bootstrap; Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from toolkit.stats.interval import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROUNDS = 30
ROUNDS_RESAMPLED = 4
"""From the fit of all observations it is not far to that of a resample."""
STEADY = 1e-6
HUBER = 1.345
"""Residuals up to so many deviations count in full: 95 % of the efficiency of least squares on normal errors."""
LEAST_SPREAD = 0.03
"""Relative; below it, residuals are the resolution of the counters."""
RESAMPLED = 200
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of the terms with their intervals; `residuals` are logarithms of observed over fitted time."""

    terms: tuple[Interval, ...]
    residuals: Floats
    spread: float
    """Robust standard deviation of the residuals."""

    @property
    def values(self) -> Floats:
        """The coefficients alone."""
        return np.array([term.estimate for term in self.terms])


def fit_times(terms: Floats, times: Floats, weights: Floats, rng: np.random.Generator | None) -> Fit:
    """Fit `times` (> 0) as `terms` (one row an observation, one column a term) times non-negative coefficients.

    `weights` says how much each observation counts (1: in full). Without `rng` there are no intervals (both bounds are
    the estimate), which is quicker.
    """
    values = _solve(terms, times, weights, np.zeros(terms.shape[1]), ROUNDS)
    count = len(times)
    resampled: list[Floats] = []
    if rng is not None and count > 1:
        draws = rng.integers(0, count, (RESAMPLED, count))
        resampled = [
            _solve(terms[chosen], times[chosen], weights[chosen], values, ROUNDS_RESAMPLED) for chosen in draws
        ]
    tail = 100 * (1 - LEVEL) / 2
    lows, highs = (
        (np.percentile(resampled, tail, axis=0), np.percentile(resampled, 100 - tail, axis=0))
        if resampled
        else (values, values)
    )
    intervals = tuple(
        Interval(float(value), float(min(low, value)), float(max(high, value)), LEVEL, count)
        for value, low, high in zip(values, lows, highs, strict=True)
    )
    residuals = np.log(times / np.maximum(terms @ values, 1e-12))
    return Fit(intervals, residuals, deviation(residuals))


def deviation(residuals: Floats) -> float:
    """The standard deviation that the median absolute residual stands for, in normal errors."""
    return float(np.median(np.abs(residuals)) / 0.6745) if len(residuals) else 0.0


def _solve(terms: Floats, times: Floats, weights: Floats, values: Floats, rounds: int) -> Floats:
    """Iterate from `values`: errors relative to the last fit, less weight to what lies far off."""
    for _ in range(rounds):
        fitted = terms @ values
        if np.all(fitted > 0):
            residuals = np.log(times / fitted)
            limit = HUBER * max(deviation(residuals), LEAST_SPREAD)
            trust = weights * np.minimum(1.0, limit / np.maximum(np.abs(residuals), 1e-12))
            factor = np.sqrt(trust) / fitted
        else:
            factor = np.sqrt(weights) / times
        last = values
        values = np.asarray(nnls(terms * factor[:, None], times * factor)[0])
        if np.all(np.abs(values - last) <= STEADY * np.abs(last)):
            break
    return values
