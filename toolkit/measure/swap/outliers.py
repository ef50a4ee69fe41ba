"""Samples that stand out, told as hyperfine tells them: by the modified z-score.

The score of a sample is its distance from the median in median absolute deviations (MAD); from 14.826 on (ten standard
deviations, if the samples were normal) it is an outlier. Source: Iglewicz and Hoaglin (1993), How to Detect and Handle
Outliers; the limit is hyperfine's.

One thing differs: loads end on the server's grid of 250 ms. Equal loads have a MAD of a few milliseconds, and one tick
more would be an outlier each time. So the MAD counts as at least so much that one tick is none.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from toolkit.measure.swap.split import SERVER_POLL_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT: Final = 14.826
LEAST_MAD_NS: Final = (SERVER_POLL_NS + 40_000_000) / LIMIT
"""One tick, and the 5 to 40 ms by which loads of equally many ticks differ."""
FEWEST: Final = 3


def scores(samples_ns: Sequence[float]) -> list[float]:
    """The modified z-score of each sample, in MADs; empty where the samples are too few to have a middle."""
    if len(samples_ns) < FEWEST:
        return []
    middle = median(samples_ns)
    mad = max(median(abs(one - middle) for one in samples_ns), LEAST_MAD_NS)
    return [(one - middle) / mad for one in samples_ns]


def warning(samples_ns: Sequence[float], *, cold_known: bool) -> str | None:
    """One sentence about samples in the order of their measuring; None if nothing stands out.

    `cold_known`: the page cache was in a known state for each sample, so a slow first one has another cause.
    """
    found = [number for number, score in enumerate(scores(samples_ns)) if abs(score) > LIMIT]
    if not found:
        return None
    if found == [0] and samples_ns[0] > median(samples_ns):
        cause = "something was started up" if cold_known else "its file probably came from disk"
        return f"the first was much slower than the others ({cause}); --drop-caches measures both kinds apart"
    rest = "" if len(found) == 1 else "s"
    return f"{len(found)} outlier{rest} of {len(samples_ns)}: something else ran meanwhile; repeat on a quiet host"
