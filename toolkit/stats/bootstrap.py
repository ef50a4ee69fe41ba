"""Intervals for anything that can be computed from a sample, by drawing from the sample itself.

For statistics that have no interval of their own (a ratio of quantiles, a mean of a skewed sample). Quantiles have a
better one without luck, see `toolkit.stats.interval`. Source: Efron and Tibshirani, An Introduction to the Bootstrap
(1993), chapters 13 and 14; done by SciPy.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap

from toolkit.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.stats.autocorrelation import Samples

FEWEST = 6
ROUNDS = 4_999


def bootstrap_interval(
    samples: Samples,
    statistic: Callable[..., object],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    method: Literal["BCa", "percentile"] = "BCa",
) -> Interval | None:
    """Return the statistic with its interval; None for fewer than six samples.

    `statistic` takes an array and the keyword `axis`, as `numpy.median` does. BCa corrects for bias and skewness;
    where it cannot (all samples equal, or every one left out gives the same), the plain percentiles stand in.
    """
    values = np.asarray(samples, dtype=np.float64)
    if len(values) < FEWEST:
        return None
    estimate = float(np.asarray(statistic(values, axis=-1)))
    if float(np.ptp(values)) == 0:
        return Interval(estimate, estimate, estimate, level, len(values))
    # A degenerate sample is answered below, so SciPy need not warn of it.
    with np.errstate(all="ignore"), warnings.catch_warnings(category=DegenerateDataWarning, action="ignore"):
        for each in (method, "percentile"):
            found = _interval(values, statistic, rng, level, each)
            if np.isfinite(found).all():
                break
    low, high = found
    return Interval(estimate, min(low, estimate), max(high, estimate), level, len(values))


def _interval(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    statistic: Callable[..., object],
    rng: np.random.Generator,
    level: float,
    method: str,
) -> tuple[float, float]:
    found = bootstrap(
        (values,), statistic, confidence_level=level, n_resamples=ROUNDS, method=method, rng=rng, vectorized=True
    ).confidence_interval
    return float(found.low), float(found.high)
