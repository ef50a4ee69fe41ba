"""By how much one sample lies above another: estimates of a change, each with its interval and standard error.

- `ratio_shift`: Hodges and Lehmann's (1963) estimate on logarithms, the median of all ratios new / base, minus one.
  It asks by which factor the whole distribution moved, and hardly feels outliers. Its interval inverts the rank test
  (Lehmann, Nonparametrics, section 2.3), so test and interval agree.
- `mean_shift`: ratio of the means minus one, for rates whose samples may be zero.
- `share_shift`: difference of two shares in points, after Newcombe (1998), method 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtrit

from toolkit.stats.interval import Interval
from toolkit.stats.ranktest import EXACT_PAIRS, arrangements, standard_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.stats.autocorrelation import Correlation, Samples

ALL_PAIRS = 1_000_000
"""Up to so many pairs are written out; beyond, the one wanted is found by bisection."""

BISECTIONS = 40
"""Halvings of the range of differences: to 12 digits of it."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A change relative to base (0.05 = 5 % more), and its standard error; `log` where that is one of logarithms."""

    change: Interval
    error: float
    log: bool


def ratio_shift(base: Samples, new: Samples, correlation: Correlation, level: float = 0.95) -> Shift | None:
    """Estimate the factor between two samples, minus one; None where they are too few for the level.

    Raises:
        ValueError: a value is not positive.
    """
    lower, upper = np.sort(np.asarray(base, dtype=np.float64)), np.sort(np.asarray(new, dtype=np.float64))
    if not len(lower) or not len(upper) or lower[0] <= 0 or upper[0] <= 0:
        raise ValueError("a ratio needs positive values on both sides")
    lower, upper = np.log(lower), np.log(upper)
    pairs = len(lower) * len(upper)
    tail = _pairs_cut(len(lower), len(upper), correlation, level)
    if tail < 1:
        return None
    low, high = _differences(lower, upper, (tail, pairs + 1 - tail))
    half = (pairs + 1) // 2  # of millions of pairs the two in the middle are one
    middle = _differences(lower, upper, (half, half if pairs > ALL_PAIRS else pairs // 2 + 1))
    estimate = min(max((middle[0] + middle[1]) / 2, low), high)
    count = min(len(lower), len(upper))
    change = Interval(math.expm1(estimate), math.expm1(low), math.expm1(high), level, count)
    return Shift(change, (high - low) / 2 / quantile_of(level, correlation.freedom), log=True)


def mean_shift(base: Samples, new: Samples, correlation: Correlation, level: float = 0.95) -> Shift | None:
    """Estimate the ratio of two means, minus one, by the delta method; None where the base is zero in the mean."""
    left, right = np.asarray(base, dtype=np.float64), np.asarray(new, dtype=np.float64)
    count = min(len(left), len(right))
    if count < 2 or left.mean() <= 0:  # noqa: PLR2004 - a variance needs two
        return None
    ratio = float(right.mean() / left.mean())
    error = math.hypot(_error(right, correlation), ratio * _error(left, correlation)) / float(left.mean())
    freedom = min(correlation.freedom, len(left) + len(right) - 2)
    reach = quantile_of(level, freedom) * error
    return Shift(Interval(ratio - 1, ratio - 1 - reach, ratio - 1 + reach, level, count), error, log=False)


def share_shift(base: Samples, new: Samples, correlation: Correlation, level: float = 0.95) -> Shift | None:
    """Estimate the difference of two shares (samples from 0 to 1), in points; None for an empty side."""
    left, right = np.asarray(base, dtype=np.float64), np.asarray(new, dtype=np.float64)
    if not len(left) or not len(right):
        return None
    reach = quantile_of(level, correlation.freedom)
    before, after = float(left.mean()), float(right.mean())
    low_before, high_before = _wilson(before, len(left) / correlation.time, reach)
    low_after, high_after = _wilson(after, len(right) / correlation.time, reach)
    low = after - before - math.hypot(after - low_after, high_before - before)
    high = after - before + math.hypot(high_after - after, before - low_before)
    change = Interval(after - before, low, high, level, min(len(left), len(right)))
    return Shift(change, (high - low) / 2 / reach, log=False)


def quantile_of(level: float, freedom: float) -> float:
    """Return how many standard errors an interval of this level reaches to each side (1.96 for 95 %)."""
    share = 0.5 + level / 2
    return float(ndtri(share) if math.isinf(freedom) else stdtrit(freedom, share))


def _wilson(share: float, count: float, reach: float) -> tuple[float, float]:
    middle = (share + reach**2 / (2 * count)) / (1 + reach**2 / count)
    half = reach * math.sqrt(share * (1 - share) / count + reach**2 / (4 * count**2)) / (1 + reach**2 / count)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def _error(values: NDArray[np.float64], correlation: Correlation) -> float:
    return float(values.std(ddof=1)) * math.sqrt(correlation.time / len(values))


def _pairs_cut(base_count: int, new_count: int, correlation: Correlation, level: float) -> int:
    """Return the place, from either end, of the pair that bounds the interval; 0 if there is none."""
    pairs = base_count * new_count
    if correlation.time == 1 and pairs <= EXACT_PAIRS:
        ways = arrangements(2 * np.arange(1, base_count + new_count + 1), new_count)[new_count * (new_count + 1) :: 2]
        return int(np.searchsorted(np.cumsum(ways) / ways.sum(), (1 - level) / 2, side="right"))
    reach = quantile_of(level, correlation.freedom) * standard_error(base_count, new_count, correlation)
    return max(0, math.floor(pairs * (0.5 - reach)))


def _differences(lower: NDArray[np.float64], upper: NDArray[np.float64], places: tuple[int, int]) -> list[float]:
    """Return the differences upper - lower at these places (1 = smallest); both sides in ascending order."""
    if len(lower) * len(upper) <= ALL_PAIRS:
        every = np.subtract.outer(upper, lower).ravel()
        at = [place - 1 for place in places]
        return [float(value) for value in np.partition(every, sorted(set(at)))[at]]
    found = {place: _difference_at(lower, upper, place) for place in {places[0], places[1]}}
    return [found[place] for place in places]


def _difference_at(lower: NDArray[np.float64], upper: NDArray[np.float64], place: int) -> float:
    low, high = float(upper[0] - lower[-1]), float(upper[-1] - lower[0])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if int(np.searchsorted(upper, lower + middle, side="right").sum()) >= place:
            high = middle
        else:
            low = middle
    return high
