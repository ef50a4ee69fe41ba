"""Where a series of measurements changed for good: E-divisive with a permutation test.

Matteson and James, A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data, JASA 109 (2014);
used on the history of benchmarks by Daly and others (ICPE 2020), Hunter and Apache Otava. The best split of a stretch
is the one whose halves are farthest apart in energy distance; it counts if hardly any shuffling of the stretch splits
so well; then both halves are searched in turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.stats.autocorrelation import Samples

SHORTEST = 3
"""The least number of measurements between two changes."""

ROUNDS = 1_999


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The first measurement after a change (counted from 0), and the share of shufflings that split as well."""

    place: int
    p: float


def change_points(
    values: Samples, rng: np.random.Generator, *, level: float = 0.005, rounds: int = ROUNDS
) -> tuple[ChangePoint, ...]:
    """Return all changes in ascending order; none for fewer than six values."""
    found: list[ChangePoint] = []
    stretches = [(0, len(values))]
    series = np.asarray(values, dtype=np.float64)
    while stretches:
        start, end = stretches.pop()
        if end - start < 2 * SHORTEST:
            continue
        distances = np.abs(np.subtract.outer(series[start:end], series[start:end]))
        place, height = best_split(distances)
        p = _shuffled(distances, height, rng, level, rounds)
        if height > 0 and p <= level:
            found.append(ChangePoint(start + place, p))
            stretches += [(start, start + place), (start + place, end)]
    return tuple(sorted(found, key=lambda point: point.place))


def values_needed(level: float) -> int:
    """Return the least number of values that can show any change at this level.

    If n values split cleanly at k, only the orders with the same k values at one of the ends split as well: 2 of the
    n! / (k! (n - k)!) choices, fewest for a split in the middle.
    """
    count = 2 * SHORTEST
    while 2 / math.comb(count, count // 2) > level:
        count += 1
    return count


def best_split(distances: NDArray[np.float64]) -> tuple[int, float]:
    """Return where the halves are farthest apart, and how far (energy distance times mn / (m + n)).

    `distances` holds those of every value from every other, at least six by six.
    """
    count = len(distances)
    sums = np.zeros((count + 1, count + 1))
    sums[1:, 1:] = distances.cumsum(axis=0).cumsum(axis=1)
    left = np.arange(SHORTEST, count - SHORTEST + 1)
    right = count - left
    inside_left = sums[left, left]
    across = sums[left, count] - inside_left
    inside_right = sums[count, count] - 2 * sums[left, count] + inside_left
    apart = 2 * across / (left * right) - inside_left / (left * (left - 1)) - inside_right / (right * (right - 1))
    heights = apart * left * right / count
    best = int(np.argmax(heights))
    return int(left[best]), float(heights[best])


def _shuffled(
    distances: NDArray[np.float64], height: float, rng: np.random.Generator, level: float, rounds: int
) -> float:
    """Return the permutation p; stops as soon as it is certain to exceed the level."""
    as_high = 1
    for _ in range(rounds):
        order = rng.permutation(len(distances))
        # A hair of tolerance: sums in another order must not make equal splits unequal.
        as_high += best_split(distances[np.ix_(order, order)])[1] >= height * (1 - 1e-9)
        if as_high / (rounds + 1) > level:
            return 1.0
    return as_high / (rounds + 1)
