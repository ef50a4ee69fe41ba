"""Policies whose worth is a number fixed at each access: the resident model of the least rank leaves.

A heap with rows that may be out of date: each access pushes one row and costs O(log n) in the number of models; rows
that a newer one contradicts are dropped when they surface, and the heap is rebuilt when most of it is stale, so that
memory stays in proportion to the models, however long the stream.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item

Rank = tuple[float, int]
"""Worth, then position of the last use: of equally worthy models the least recently used one leaves."""

_STALE_ROWS_PER_MODEL: Final = 8
_FEWEST_ROWS: Final = 64


class Ranked(ABC):
    """The heap; a policy derives from it and says what an access is worth."""

    __slots__ = ("_heap", "_rank")

    def __init__(self) -> None:
        self._rank: dict[str, Rank] = {}
        self._heap: list[tuple[Rank, str]] = []

    @abstractmethod
    def worth_of_hit(self, item: Item, position: int, now_ns: int) -> float:
        """What a resident model is worth after this access."""

    @abstractmethod
    def worth_of_load(self, item: Item, position: int, now_ns: int) -> float:
        """What a model is worth that has just been loaded."""

    def forget(self, name: str, rank: Rank, *, evicted: bool) -> None:  # noqa: B027 - a hook that few need
        """Called when a model has left; the default keeps no memory of it."""

    @property
    def resident(self) -> tuple[str, ...]:
        """The resident models, in the order in which they would leave."""
        return tuple(name for _, name in sorted((rank, name) for name, rank in self._rank.items()))

    def rank_of(self, name: str) -> Rank | None:
        """A resident model's rank; None if it is not resident."""
        return self._rank.get(name)

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._push(item.name, (self.worth_of_hit(item, position, now_ns), position))

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: B027 - nothing to override
        """See `Policy`; nothing to do before room is made."""

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - the rank says it all
        """The model of the least rank that is not busy."""
        heap, kept = self._heap, []
        chosen = None
        while heap:
            row = heapq.heappop(heap)
            rank, name = row
            if self._rank.get(name) != rank:
                continue
            if name in busy:
                kept.append(row)
                continue
            del self._rank[name]
            self.forget(name, rank, evicted=True)
            chosen = name
            break
        for row in kept:
            heapq.heappush(heap, row)
        return chosen

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._push(item.name, (self.worth_of_load(item, position, now_ns), position))

    def gone(self, name: str) -> None:
        """See `Policy`."""
        rank = self._rank.pop(name, None)
        if rank is not None:
            self.forget(name, rank, evicted=False)

    def _push(self, name: str, rank: Rank) -> None:
        self._rank[name] = rank
        heapq.heappush(self._heap, (rank, name))
        if len(self._heap) > max(_FEWEST_ROWS, _STALE_ROWS_PER_MODEL * len(self._rank)):
            self._heap = [(rank, name) for name, rank in self._rank.items()]
            heapq.heapify(self._heap)
