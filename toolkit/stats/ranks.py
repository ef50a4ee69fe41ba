"""Ranks, ties sharing the middle one; by itself so that whoever only ranks need not wait for all of SciPy's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def midranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return the rank of each value, from 1; equal values share the mean of their ranks."""
    _, places, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(middles[places.ravel()], dtype=np.float64)


def varying_share(ranks: NDArray[np.float64]) -> float:
    """Return by how much ties lessen the variance of ranks: 1 without ties, 0 where all are equal."""
    total = float(len(ranks))
    _, ties = np.unique(ranks, return_counts=True)
    return max(0.0, 1 - float((ties.astype(np.float64) ** 3 - ties).sum()) / max(total**3 - total, 1.0))
