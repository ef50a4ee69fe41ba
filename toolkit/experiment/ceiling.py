"""The ceiling that a comparison is held against: what an optimum that knows the future would have reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.offline import ceiling, least_load
from toolkit.replay.results import LeastLoading, Optimum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolkit.cache.policies.base import Item
    from toolkit.cache.strategy import Room
    from toolkit.replay.records import RequestRecord, Run

_NS_PER_S = 1e9


def optimum_of(runs: Sequence[Run], room: Room, items: Mapping[str, Item]) -> Optimum | None:
    """The ceiling over all repetitions of one strategy, whose runs define the order of requests; None without any.

    Which strategy's runs are given matters only where requests follow answers: then each strategy sees its own order.
    `items` say what each model's load takes; where that is not known of all, so is not the least loading.
    """
    orders = [[record.model for record in _in_order(run)] for run in runs]
    results = [ceiling(order, room) for order in orders]
    requests, hits = sum(result.requests for result in results), sum(result.hits for result in results)
    if not requests:
        return None
    method = _method(result.method for result in results)
    reached = sum(result.reached for result in results)
    return Optimum(
        requests, hits, hits / requests, method, _how(method, reached), reached, _least_loading(orders, room, items)
    )


def _least_loading(orders: Sequence[Sequence[str]], room: Room, items: Mapping[str, Item]) -> LeastLoading | None:
    names = sorted({name for order in orders for name in order})
    if not items.keys() >= set(names):
        return None
    load_ns = {name: items[name].load_ns for name in names}
    floors = [least_load(order, room, load_ns) for order in orders]
    return LeastLoading(
        sum(floor.load_ns for floor in floors) / _NS_PER_S,
        _method(floor.method for floor in floors),
        sum(floor.reached_ns for floor in floors) / _NS_PER_S,
        tuple((name, load_ns[name] / _NS_PER_S) for name in names),
    )


def _method(methods: Iterable[str]) -> str:
    return "exact" if all(method == "exact" for method in methods) else "bound"


def _in_order(run: Run) -> list[RequestRecord]:
    return sorted(run.records, key=lambda record: record.intended_ns)


def _how(method: str, reached: int) -> str:
    if method == "exact":
        return "the best sequence of loads and evictions under the server's own memory rule, found by exhaustive search"
    return f"an upper bound (prices of memory, by a linear programme); {reached:,} hits are known to be possible"
