"""Where warm-up ends: MSER-5.

White, Cobb and Spratt, A Comparison of Five Steady-State Truncation Heuristics for Simulation, Winter Simulation
Conference 2000: means of five neighbours; the cut that makes the standard error of what remains least. A cut in the
second half is no answer, because then the series never came to rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.stats.ranktest import rank_test

if TYPE_CHECKING:
    from toolkit.stats.autocorrelation import Samples

BATCH = 5
FEWEST_BATCHES = 10
LEVEL = 1e-4


def mser_cut(samples: Samples) -> int | None:
    """Return how many samples to leave out at the start (a multiple of five); None if it cannot be said.

    That is so for fewer than 50 samples, or if the best cut lies in the second half.
    """
    count = len(samples) // BATCH
    if count < FEWEST_BATCHES:
        return None
    means = np.asarray(samples[: count * BATCH], dtype=np.float64).reshape(count, BATCH).mean(axis=1)
    means = means - means.mean()
    left = np.arange(count, 0, -1)
    sums, squares = np.cumsum(means[::-1])[::-1], np.cumsum((means**2)[::-1])[::-1]
    spread = np.maximum(squares - sums**2 / left, 0.0) / left.astype(np.float64) ** 2
    cut = int(np.argmin(spread[: count - FEWEST_BATCHES // 2]))
    return None if cut > count // 2 else cut * BATCH


def warmup_length(samples: Samples) -> int:
    """Return the cut where what lies before it also plainly differs from the rest (a rank test); else 0.

    MSER always names some cut; in a series at rest that is noise, and nobody should be warned of it.
    """
    cut = mser_cut(samples)
    if not cut or rank_test(samples[cut:], samples[:cut]).p > LEVEL:
        return 0
    return cut
