"""Do two samples come from one distribution? Tests that only look at the order of values.

The rank test is that of Mann and Whitney (1947): exact for small samples, ties included, and by the normal
approximation above; series whose neighbours resemble each other count as the fewer independent samples that they are
worth, and the error of that estimate is paid for by Student's distribution in place of the normal one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtr

from toolkit.stats.autocorrelation import INDEPENDENT
from toolkit.stats.ranks import midranks, varying_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.stats.autocorrelation import Correlation, Samples

EXACT_PAIRS = 400
"""Up to so many pairs (20 samples a side) all arrangements are counted."""


@dataclass(frozen=True, slots=True)
class RankTest:
    """`superiority` is the probability that a new value exceeds a base one (ties half), `p` two-sided."""

    superiority: float
    p: float


def rank_test(base: Samples, new: Samples, correlation: Correlation = INDEPENDENT) -> RankTest:
    """Compare two samples by their ranks.

    Raises:
        ValueError: a side is empty.
    """
    if not len(base) or not len(new):
        raise ValueError("a rank test needs samples on both sides")
    ranks = midranks(np.concatenate([np.asarray(base, dtype=np.float64), np.asarray(new, dtype=np.float64)]))
    count = len(new)
    superiority = (float(ranks[len(base) :].sum()) - count * (count + 1) / 2) / (len(base) * count)
    if correlation is INDEPENDENT and len(base) * count <= EXACT_PAIRS:
        return RankTest(superiority, _exact_p(ranks, count))
    error = standard_error(len(base), count, correlation) * math.sqrt(varying_share(ranks))
    if error == 0:
        return RankTest(superiority, 1.0)
    return RankTest(superiority, two_sided_p((superiority - 0.5) / error, correlation.freedom))


def standard_error(base_count: int, new_count: int, correlation: Correlation) -> float:
    """Return the standard error of the superiority where nothing differs, for samples without ties."""
    base, new = base_count / correlation.time, new_count / correlation.time
    return math.sqrt((base + new + 1) / (12 * base * new))


def two_sided_p(deviation: float, freedom: float) -> float:
    """Return the probability of a deviation at least as large, in standard errors, under Student's distribution."""
    tail = ndtr(-abs(deviation)) if math.isinf(freedom) else stdtr(freedom, -abs(deviation))
    return min(1.0, 2 * float(tail))


def arrangements(doubled_ranks: NDArray[np.int64], chosen: int) -> NDArray[np.float64]:
    """Return how many ways there are to choose so many of the ranks, by the sum of the chosen ones.

    Doubled, so that the half ranks of ties are whole numbers. Exact while the counts fit a float, which is so for
    everything below `EXACT_PAIRS`.
    """
    ways = np.zeros((chosen + 1, int(doubled_ranks.sum()) + 1))
    ways[0, 0] = 1
    for rank in doubled_ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    return np.asarray(ways[chosen])


def _exact_p(ranks: NDArray[np.float64], chosen: int) -> float:
    doubled = np.rint(2 * ranks).astype(np.int64)
    ways = arrangements(doubled, chosen)
    sums = np.arange(len(ways))
    expected = chosen * (len(ranks) + 1)
    seen = int(doubled[len(ranks) - chosen :].sum())
    return min(1.0, float(ways[np.abs(sums - expected) >= abs(seen - expected)].sum() / ways.sum()))
