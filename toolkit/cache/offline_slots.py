"""How many requests of a sequence find their model resident, if any `slots` models have room: LRU, and the optimum.

Both start empty and load on every miss (there is no bypass: a model must be resident to answer).
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import TYPE_CHECKING

from toolkit.cache.room import SlotRoom

if TYPE_CHECKING:
    from collections.abc import Sequence


def lru_hits(requests: Sequence[str], slots: int) -> int:
    """Hits if each miss evicts the model whose last use is longest ago."""
    slots = SlotRoom(slots).slots
    resident: OrderedDict[str, None] = OrderedDict()
    hits = 0
    for model in requests:
        if model in resident:
            hits += 1
            resident.move_to_end(model)
            continue
        if len(resident) == slots:
            resident.popitem(last=False)
        resident[model] = None
    return hits


def min_hits(requests: Sequence[str], slots: int) -> int:
    """The most hits that any strategy can have, knowing the future: each miss evicts the model needed last.

    Source: L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5
    (1966); the model just requested is never the victim.
    """
    slots = SlotRoom(slots).slots
    next_use = _next_uses(requests)
    until: dict[str, int] = {}  # resident model → when it is needed next
    queue: list[tuple[int, str]] = []  # (-next use, model); rows that `until` contradicts are out of date
    hits = 0
    for model, needed in zip(requests, next_use, strict=True):
        if model in until:
            hits += 1
        elif len(until) == slots:
            while True:
                minus_needed, victim = heapq.heappop(queue)
                if until.get(victim) == -minus_needed:
                    break
            del until[victim]
        until[model] = needed
        heapq.heappush(queue, (-needed, model))
    return hits


def _next_uses(requests: Sequence[str]) -> list[int]:
    """For each request the position of the next one for the same model; the length of the sequence if there is none."""
    never = len(requests)
    following: dict[str, int] = {}
    next_use = [never] * len(requests)
    for position in range(len(requests) - 1, -1, -1):
        next_use[position] = following.get(requests[position], never)
        following[requests[position]] = position
    return next_use
