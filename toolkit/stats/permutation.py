"""A permutation test of means: slower than the rank test, and about another question: the mean, stalls included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import permutation_test

if TYPE_CHECKING:
    from toolkit.stats.autocorrelation import Samples


def permutation_p(base: Samples, new: Samples, rng: np.random.Generator, rounds: int = 9_999) -> float:
    """Return the two-sided p of the difference of means over random relabellings (all of them where they are few)."""
    found = permutation_test(
        (np.asarray(base), np.asarray(new)),
        lambda left, right, axis: np.mean(right, axis=axis) - np.mean(left, axis=axis),
        vectorized=True,
        n_resamples=rounds,
        rng=rng,
    )
    return float(found.pvalue)
