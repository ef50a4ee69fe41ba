"""Repeats of a run: may their samples be pooled?

Requests of one run share its luck: a warm disk, a neighbour on the machine. Where runs of one side differ more than
their own samples explain, another request of the same run tells little, and each run counts as one sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from toolkit.stats.ranks import midranks, varying_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.stats.autocorrelation import Correlation, Samples

LEVEL = 0.01


def differ(series: Sequence[Samples], correlation: Correlation) -> bool:
    """Say whether several runs of one thing differ, by the test of Kruskal and Wallis with H divided by τ."""
    whole = [np.asarray(one, dtype=np.float64) for one in series if len(one) > 1]
    if len(whole) < 2:  # noqa: PLR2004 - a comparison
        return False
    return bool(chdtrc(len(whole) - 1, kruskal_wallis(whole) / correlation.time) < LEVEL)


def kruskal_wallis(series: Sequence[Samples]) -> float:
    """Return H of Kruskal and Wallis (1952), corrected for ties; 0 where nothing varies."""
    ranks = midranks(np.concatenate([np.asarray(one, dtype=np.float64) for one in series]))
    total, varying = len(ranks), varying_share(ranks)
    if varying == 0:
        return 0.0
    cuts = np.cumsum([len(one) for one in series])[:-1]
    squares = sum(len(part) * (float(part.mean()) - (total + 1) / 2) ** 2 for part in np.split(ranks, cuts))
    return 12 / (total * (total + 1)) * squares / varying
