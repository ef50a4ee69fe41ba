"""The ceiling that a comparison is held against: what an optimum that knows the future would have reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.offline import ceiling
from toolkit.replay.results import Optimum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.cache.strategy import Room
    from toolkit.replay.records import RequestRecord, Run


def optimum_of(runs: Sequence[Run], room: Room) -> Optimum | None:
    """The ceiling over all repetitions of one strategy, whose runs define the order of requests; None without any.

    Which strategy's runs are given matters only where requests follow answers: then each strategy sees its own order.
    """
    results = [ceiling([record.model for record in _in_order(run)], room) for run in runs]
    requests, hits = sum(result.requests for result in results), sum(result.hits for result in results)
    if not requests:
        return None
    method = "exact" if all(result.method == "exact" for result in results) else "bound"
    return Optimum(requests, hits, hits / requests, method, _how(method))


def _in_order(run: Run) -> list[RequestRecord]:
    return sorted(run.records, key=lambda record: record.intended_ns)


def _how(method: str) -> str:
    if method == "exact":
        return "the best sequence of loads and evictions under the server's own memory rule, found by exhaustive search"
    return "an upper bound: as if any models could share the places of the smallest ones"
