"""Repeats of a run: may their samples be pooled?

Requests of one run share its luck: a warm disk, a neighbour on the machine. Where runs of one side differ more than
their own samples explain, another request of the same run tells little, and each run counts as one sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.special import chdtrc
from scipy.stats import kruskal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.stats.autocorrelation import Correlation, Samples

LEVEL = 0.01


def differ(series: Sequence[Samples], correlation: Correlation) -> bool:
    """Say whether several runs of one thing differ, by Kruskal and Wallis (1952), H divided by τ."""
    whole = [one for one in series if len(one) > 1]
    if len(whole) < 2 or all(value == whole[0][0] for one in whole for value in one):  # noqa: PLR2004 - a comparison
        return False
    statistic = float(kruskal(*whole).statistic) / correlation.time
    return bool(chdtrc(len(whole) - 1, statistic) < LEVEL)
