"""How many independent samples a series is worth.

Requests that queue behind each other are slow together. A test that takes them for independent sees differences that
are not there, so the number of samples is first reduced to the number of independent ones that would know the mean
as well: n / τ, with τ the integrated autocorrelation time. Series that show no correlation are left as they are,
because an estimate of τ from them would be noise that only costs power.

Sources: Geyer, Practical Markov Chain Monte Carlo, Statistical Science 7 (1992), section 3.3 (where the sum ends);
Sokal, Monte Carlo Methods in Statistical Mechanics (1989), section 3 (how well a sum over M lags is known).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.stats.ranks import midranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Samples = Sequence[float] | NDArray[np.float64]

SHORTEST = 12
"""Shorter series show no correlation that could be told from chance."""

FIRST_LAGS = 5
SHOWN = 2.1
"""Correlation counts from so many standard errors on: at lag 1, or over the first five lags together."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """τ ≥ 1 in samples (of τ neighbours in a row only one counts), and how many degrees of freedom it rests on."""

    time: float
    freedom: float


INDEPENDENT = Correlation(1.0, math.inf)


def autocorrelations(samples: Samples) -> NDArray[np.float64]:
    """Return the autocorrelation at the lags 0, 1, …, n - 1 (the biased estimator); all zero where nothing varies."""
    centred = np.asarray(samples, dtype=np.float64)
    centred = centred - centred.mean()
    scale = float(np.abs(centred).max(initial=0.0))
    if scale == 0:
        return np.zeros(len(centred))
    centred = centred / scale  # so that squares of tiny numbers do not vanish
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    sums = np.fft.irfft(spectrum * spectrum.conj(), size)[: len(centred)]
    return np.asarray(sums / sums[0], dtype=np.float64)


def correlation(series: Sequence[Samples]) -> Correlation:
    """Return how strongly neighbours resemble each other in several series of the same kind, taken together.

    Works on ranks, so that one outlier does not hide the rest, and is exact for tests on ranks. Each series is
    centred on its own: a difference between them is no correlation.
    """
    usable = [one for one in series if len(one) >= SHORTEST]
    found = [(len(one), autocorrelations(midranks(one))) for one in usable]
    found = [(count, lags) for count, lags in found if lags[0] > 0]
    if not found:
        return INDEPENDENT
    total = sum(count for count, _ in found)
    length = min(count for count, _ in found)
    # Each lag is pulled down by about 1 / n, because the mean is the sample's own.
    pooled = np.sum([(lags[:length] + 1 / count) * count for count, lags in found], axis=0) / total
    pooled[0] = 1.0
    if not _is_shown(pooled, total):
        return INDEPENDENT
    even = length - length % 2
    pairs = pooled[0:even:2] + pooled[1:even:2]
    negative = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: negative[0]] if len(negative) else pairs)
    time = float(min(max(1.0, 2 * kept.sum() - 1), length))
    return Correlation(time, total / (4 * len(kept) + 1))


def effective_count(samples: Samples) -> float:
    """Return how many independent samples the series is worth for a test on ranks: n / τ."""
    return len(samples) / correlation([samples]).time


def _is_shown(pooled: NDArray[np.float64], total: int) -> bool:
    first = pooled[1 : 1 + FIRST_LAGS]
    return float(max(first[0], first.sum() / math.sqrt(len(first)))) * math.sqrt(total) > SHOWN
