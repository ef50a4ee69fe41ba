"""Estimates with an interval: how well a sample knows its own median, or any other quantile.

The intervals are those of the order statistics: they assume nothing of the distribution but that the samples are
independent, and cover the true quantile at least as often as they say. Source: Conover, Practical Nonparametric
Statistics, section 3.2; the same rule is benchstat's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import bdtr

from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between two bounds: `low` ≤ `estimate` ≤ `high`, in the unit of the samples.

    `level` is the share of such intervals that cover the truth (0.95), `count` the number of samples behind it.
    """

    estimate: float
    low: float
    high: float
    level: float
    count: int


def median_interval(samples: Iterable[float], level: float = 0.95) -> Interval | None:
    """Return the median with its interval; None where the samples are too few for the level (6 are needed for 95 %)."""
    return quantile_interval(samples, 0.5, level)


def quantile_interval(samples: Iterable[float], share: float, level: float = 0.95) -> Interval | None:
    """Return a quantile between two order statistics, or None where the samples are too few for the level.

    The number of samples below the true quantile is binomial, so the order statistics that it passes with a
    probability of at most (1 - level) / 2 on each side bound the quantile, whatever the distribution.

    Raises:
        ValueError: `share` or `level` outside 0…1 (both ends excluded).
    """
    ordered = sorted(samples)
    places = order_places(len(ordered), share, level)
    if places is None:
        return None
    low, high = ordered[places[0] - 1], ordered[places[1] - 1]
    return Interval(min(max(quantile(ordered, share), low), high), low, high, level, len(ordered))


def order_places(count: int, share: float, level: float) -> tuple[int, int] | None:
    """Return the places (1 = smallest) of the two order statistics that bound a quantile; None if there are none.

    Raises:
        ValueError: `share` or `level` outside 0…1 (both ends excluded).
    """
    if not (0 < share < 1 and 0 < level < 1):
        raise ValueError("a share and a level lie between 0 and 1")
    tail = (1 - level) / 2
    low = _places_below(count, share, tail)
    high = count + 1 - _places_below(count, 1 - share, tail)
    return None if low < 1 or high > count else (low, high)


def _places_below(count: int, share: float, tail: float) -> int:
    """Return the largest place whose order statistic exceeds the quantile with a probability of at most `tail`."""
    lowest, highest = 0, count
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        if bdtr(middle - 1, count, share) <= tail:
            lowest = middle
        else:
            highest = middle - 1
    return lowest
