"""What an Ollama server does by itself when all keep_alives are equal: the smallest digest leaves, however hot it is.

Source: the server's scheduler, see docs/scheduler.md: it sorts by keep_alive duration, then by the path of the blob.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from toolkit.cache.policies.base import Item


class ServerRule:
    """`digests` maps names to digests; a name without one stands for itself. Neither use nor time changes the order."""

    __slots__ = ("_digests", "_listed", "_order", "_resident")

    def __init__(self, digests: Mapping[str, str] | None = None) -> None:
        self._digests = digests or {}
        self._resident: set[str] = set()
        self._order: list[tuple[str, str]] = []  # a heap; names that have left are dropped when they surface
        self._listed: set[str] = set()  # who stands in the heap

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`; nothing to learn."""

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`; nothing to do."""

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - the digest says it all
        """The smallest digest that is not busy."""
        kept: list[tuple[str, str]] = []
        chosen = None
        while self._order and chosen is None:
            row = heapq.heappop(self._order)
            if row[1] not in self._resident:
                self._listed.remove(row[1])
                continue
            if row[1] in busy:
                kept.append(row)
            else:
                chosen = row[1]
                self._resident.remove(chosen)
                self._listed.remove(chosen)
        for row in kept:
            heapq.heappush(self._order, row)
        return chosen

    def loaded(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by digest
        """See `Policy`."""
        self._resident.add(item.name)
        if item.name not in self._listed:  # it may still stand there from a stay that ended otherwise
            self._listed.add(item.name)
            heapq.heappush(self._order, (self._digests.get(item.name, item.name), item.name))

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._resident.discard(name)
