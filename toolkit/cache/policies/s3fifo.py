"""S3-FIFO: newcomers pass through a small queue; those used again there, or remembered, enter the main one.

Source: J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. The small queue gets a tenth of
the room, the main queue the rest; a ghost queue remembers the names of what the small one let go, up to nine tenths of
the room. A model leaves the small queue for the main one if it was used at least twice there, and gets another round
in the main queue for each use, up to three. Until the room has been full for the first time, what the small queue
cannot hold goes straight to the main one. Both parts are counted in bytes, so it means something only where a tenth of
the room holds a model.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item

_MOST_ROUNDS: Final = 3


class _Queue:
    """Models in order of entry, with their sizes and uses; knows its bytes."""

    __slots__ = ("bytes", "rows")

    def __init__(self) -> None:
        self.rows: OrderedDict[str, list[int]] = OrderedDict()  # name → [size, uses]
        self.bytes = 0

    def add(self, name: str, size_bytes: int, uses: int = 0) -> None:
        self.rows[name] = [size_bytes, uses]
        self.bytes += size_bytes

    def drop(self, name: str) -> int:
        """Its uses; the model must be there."""
        size_bytes, uses = self.rows.pop(name)
        self.bytes -= size_bytes
        return uses

    def oldest(self, busy: Container[str]) -> str | None:
        """Who came first of those that may leave."""
        return next((name for name in self.rows if name not in busy), None)


class S3Fifo:
    """See the module; `capacity_bytes` is all the room there is."""

    __slots__ = (
        "_filled", "_ghost", "_ghost_bytes", "_main", "_main_bytes", "_remembered", "_small", "_small_bytes",
        "_threshold",
    )  # fmt: skip

    def __init__(self, capacity_bytes: int, small: float = 0.1, ghost: float = 0.9, threshold: int = 2) -> None:
        self._small_bytes = int(capacity_bytes * small)
        self._main_bytes = capacity_bytes - self._small_bytes
        self._ghost_bytes = int(capacity_bytes * ghost)
        self._threshold = threshold
        self._small, self._main, self._ghost = _Queue(), _Queue(), _Queue()
        self._remembered = False
        self._filled = False
        """Whether anybody ever had to leave."""

    def hit(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        queue = self._small if item.name in self._small.rows else self._main
        queue.rows[item.name][1] += 1

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`: was it let go not long ago?"""
        self._remembered = item.name in self._ghost.rows
        if self._remembered:
            self._ghost.drop(item.name)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        self._filled = True
        main_first = self._main.bytes > self._main_bytes or not self._small.rows
        for _ in range(2):  # what is left of the small queue may all have moved on, and then the main one must give
            order = (self._from_main, self._from_small) if main_first else (self._from_small, self._from_main)
            for choose in order:
                victim = choose(busy)
                if victim is not None:
                    return victim
        return None

    def loaded(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        straight = self._remembered or (not self._filled and self._small.bytes >= self._small_bytes)
        (self._main if straight else self._small).add(item.name, item.size_bytes)
        self._remembered = False

    def gone(self, name: str) -> None:
        """See `Policy`."""
        for queue in (self._small, self._main):
            if name in queue.rows:
                queue.drop(name)

    def _from_small(self, busy: Container[str]) -> str | None:
        """Move on what was used, oldest first, until one leaves; None if nobody is left who may."""
        while (name := self._small.oldest(busy)) is not None:
            size_bytes = self._small.rows[name][0]
            if self._small.drop(name) < self._threshold:
                self._remember(name, size_bytes)
                return name
            self._main.add(name, size_bytes)
        return None

    def _from_main(self, busy: Container[str]) -> str | None:
        """The oldest that has no round left; the others begin their next, behind all."""
        while (name := self._main.oldest(busy)) is not None:
            size_bytes = self._main.rows[name][0]
            uses = self._main.drop(name)
            if not uses:
                return name
            self._main.add(name, size_bytes, min(uses, _MOST_ROUNDS) - 1)
        return None

    def _remember(self, name: str, size_bytes: int) -> None:
        if size_bytes > self._ghost_bytes:
            return
        while self._ghost.bytes + size_bytes > self._ghost_bytes:
            self._ghost.drop(next(iter(self._ghost.rows)))
        self._ghost.add(name, size_bytes)
