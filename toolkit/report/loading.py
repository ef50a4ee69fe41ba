"""How near each strategy comes to the least loading that is possible, in a sentence that all renderers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report.measures import share_of_least_loading
from toolkit.report.wording import achieved, duration, plain

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison


def least_loading(comparison: Comparison) -> str:
    """Return the least seconds of loading, and of how much of its own each strategy cannot be rid; empty if unknown.

    Every load counts with what it takes on the quiet host.
    """
    optimum = comparison.optimum
    if optimum is None or optimum.loading is None:
        return ""
    shares = [(one.strategy, share_of_least_loading(one, optimum)) for one in comparison.strategies]
    told = [f"{plain(name)} {achieved(share)}" for name, share in shares if share is not None]
    if not told:
        return ""
    loading = optimum.loading
    if loading.method == "exact":
        least = f"{duration(loading.seconds)} at the least"
    else:
        least = f"not below {duration(loading.seconds)} ({duration(loading.reached_s)} are known to be enough)"
    over = any((share or 0) > 1 for _, share in shares)
    why = " (over 100 %: a host serves what is in memory first)" if over else ""
    return f"Loading takes {least}; as a share of what it takes under each strategy: {', '.join(told)}{why}."
