"""Policies whose worth is a number fixed at each access: the resident model of the least rank leaves.

A hit only writes down the new rank, O(1). The heap has a row for each resident model with a rank that it had once; as
worth never falls while a model stays, that is too low at most, and a row that surfaces out of date is pushed again with
the rank of now. So a victim costs O(log n) for each model that was used since, and memory stays in proportion to the
models, however long the stream.
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
    """The heap; a policy derives from it and says what an access is worth: never less than the model's last one."""

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
        self._rank[item.name] = (self.worth_of_hit(item, position, now_ns), position)

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: B027 - nothing to override
        """See `Policy`; nothing to do before room is made."""

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - the rank says it all
        """The model of the least rank that is not busy."""
        heap, kept = self._heap, []
        chosen = None
        while heap:
            row = heapq.heappop(heap)
            rank, name = row
            current = self._rank.get(name)
            if current is None:
                continue
            if current != rank:
                heapq.heappush(heap, (current, name))
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
        name = item.name
        self._rank[name] = rank = (self.worth_of_load(item, position, now_ns), position)
        heapq.heappush(self._heap, (rank, name))
        # Models that left otherwise leave rows behind.
        if len(self._heap) > max(_FEWEST_ROWS, _STALE_ROWS_PER_MODEL * len(self._rank)):
            self._heap = [(rank, name) for name, rank in self._rank.items()]
            heapq.heapify(self._heap)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        rank = self._rank.pop(name, None)
        if rank is not None:
            self.forget(name, rank, evicted=False)
