"""The few questions that every renderer asks of a comparison, answered once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison, Optimum, StrategySummary

COLD = ("cold", "reload")
"""The temperatures of requests that had a model loaded for themselves."""


LOST = ("rejected", "failed", "unanswered")
"""The outcomes of requests that somebody still wanted answered and was not; a cancelled one is no fault of the host."""


def share_of_optimum(summary: StrategySummary, optimum: Optimum | None) -> float | None:
    """Return hits ÷ the optimum's hits for as many requests, or None without an optimum to divide by.

    The summary pools all repetitions and the optimum counts one, so the optimum is scaled by the number of requests.
    Above 1 is possible: the optimum takes requests in their order, a host answers those for resident models first.
    """
    if optimum is None or optimum.hits == 0 or optimum.requests == 0 or summary.requests == 0:
        return None
    return summary.hits / (optimum.hits * summary.requests / optimum.requests)


def share_of_least_loading(summary: StrategySummary, optimum: Optimum | None) -> float | None:
    """Return the least seconds of loading ÷ those of all loads of a strategy, preloads included; None if not known.

    Every load counts with what it takes on the quiet host, so that only which models are loaded matters.
    """
    if optimum is None or optimum.loading is None or optimum.requests == 0:
        return None
    load_s = dict(optimum.loading.load_s)
    spent_s = sum(share.loads * load_s.get(share.model, 0.0) for share in summary.models)
    if not spent_s or any(share.loads and share.model not in load_s for share in summary.models):
        return None
    return optimum.loading.seconds * summary.requests / optimum.requests / spent_s


def is_simulated(comparison: Comparison) -> bool:
    """Whether the numbers come from the twin."""
    return comparison.provenance.host == "twin"


def is_complete(comparison: Comparison) -> bool:
    """Whether every kept run was played to its end."""
    return all(run.complete for run in comparison.runs)


def length_ns(comparison: Comparison) -> int:
    """Return the length of the longest kept run; 0 without runs."""
    return max((run.end_ns for run in comparison.runs), default=0)


def requested_models(comparison: Comparison) -> tuple[str, ...]:
    """Return the models that got requests, most requests first, ties by name: the order of lanes and colours."""
    requests: dict[str, int] = {}
    for summary in comparison.strategies:
        for share in summary.models:
            requests[share.model] = max(requests.get(share.model, 0), share.requests)
    return tuple(
        sorted((model for model, number in requests.items() if number), key=lambda name: (-requests[name], name))
    )


def fits_only_alone(comparison: Comparison) -> bool:
    """Whether at least two models were asked for and the server's rule lets no two of them live together."""
    asked = set(requested_models(comparison))
    sets = comparison.co_residence
    return len(asked) > 1 and bool(sets) and all(len(asked.intersection(one.models)) < 2 for one in sets)  # noqa: PLR2004 - a pair


def contexts(comparison: Comparison) -> str:
    """Write the contexts in tokens: `32,768 tokens`, or `4,096 to 32,768 tokens`; empty if unknown."""
    tokens = sorted({number for _, number in comparison.context_tokens})
    if not tokens:
        return ""
    return f"{tokens[0]:,} tokens" if len(tokens) == 1 else f"{tokens[0]:,} to {tokens[-1]:,} tokens"


def origin(comparison: Comparison) -> str:
    """Write where the numbers come from, in a line: simulated or measured, server, repetitions."""
    source = comparison.provenance
    where = (
        f"simulated on the twin, profile {source.profile}"
        if is_simulated(comparison)
        else f"measured on {source.host}, Ollama {source.server_version}"
    )
    times = max((summary.runs for summary in comparison.strategies), default=1)
    return where if times == 1 else f"{where}, {times} repetitions"
