"""Quantiles of samples, and how many samples one needs before a quantile says anything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """Quantile of samples in ascending order, by linear interpolation between order statistics.

    This is type 7 of Hyndman and Fan (1996), the default of NumPy and R. `share` runs from 0 to 1.

    Raises:
        ValueError: no samples, or `share` outside 0…1.
    """
    if not ordered or not 0 <= share <= 1:
        raise ValueError("a quantile needs samples and a share from 0 to 1")
    position = (len(ordered) - 1) * share
    below = math.floor(position)
    if below + 1 >= len(ordered):
        return ordered[-1]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (position - below)


def samples_needed(share: float) -> int:
    """The least number of samples of which at least one is expected beyond the quantile: 20 for the 95th percentile."""
    return math.ceil(round(1 / (1 - share), 9))
