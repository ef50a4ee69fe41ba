"""Which samples lie far from the rest. They are named, never thrown away: a stall is a finding.

Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993): the modified z-score 0.6745 (x - median) / MAD, beyond
3.5. Where more than half of the samples are equal (MAD 0), the mean absolute deviation stands in, as they propose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.stats.autocorrelation import Samples

THRESHOLD = 3.5
_MAD_OF_NORMAL = 0.6745
_MEAN_DEVIATION_OF_NORMAL = 0.7979


def scores(samples: Samples) -> NDArray[np.float64]:
    """Return how far each sample lies from the median, in robust standard deviations; all 0 where nothing varies."""
    values = np.asarray(samples, dtype=np.float64)
    if not len(values):
        return values
    distances = values - np.median(values)
    spread = float(np.median(np.abs(distances))) / _MAD_OF_NORMAL
    if spread == 0:
        spread = float(np.mean(np.abs(distances))) / _MEAN_DEVIATION_OF_NORMAL
    return np.zeros(len(values)) if spread == 0 else distances / spread


def outliers(samples: Samples) -> tuple[int, ...]:
    """Return the places of samples beyond the threshold, in ascending order."""
    return tuple(int(place) for place in np.flatnonzero(np.abs(scores(samples)) > THRESHOLD))
