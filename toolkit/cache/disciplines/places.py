"""A model of the host for schedules on paper: which models are resident, and what the next one costs. LRU evicts."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toolkit.cache.policies.base import Item


class Places:
    """Resident models, least recently used first, in `capacity_bytes` of room and at most `models` (None: any number).

    A model that `items` does not list takes no room and no time to load.
    """

    __slots__ = ("_capacity_bytes", "_items", "_models", "_resident", "_used_bytes")

    def __init__(
        self, items: Mapping[str, Item], capacity_bytes: int, models: int | None = None, resident: Iterable[str] = ()
    ) -> None:
        self._items = items
        self._capacity_bytes = capacity_bytes
        self._models = models
        self._resident: OrderedDict[str, None] = OrderedDict.fromkeys(resident)
        self._used_bytes = sum(self._size_bytes(name) for name in self._resident)

    def holding(self, resident: Iterable[str]) -> Places:
        """The same host with these models resident, least recently used first."""
        return Places(self._items, self._capacity_bytes, self._models, resident)

    def copy(self) -> Places:
        """An independent copy."""
        return self.holding(self._resident)

    def __contains__(self, name: str) -> bool:
        return name in self._resident

    def __iter__(self) -> Iterator[str]:
        return iter(self._resident)

    def use(self, name: str) -> int:
        """Serve a request for this model; returns the nanoseconds that its load takes, 0 if it is resident."""
        resident = self._resident
        if name in resident:
            resident.move_to_end(name)
            return 0
        size_bytes = self._size_bytes(name)
        while resident and (
            self._used_bytes + size_bytes > self._capacity_bytes
            or (self._models is not None and len(resident) >= self._models)
        ):
            left, _ = resident.popitem(last=False)
            self._used_bytes -= self._size_bytes(left)
        resident[name] = None
        self._used_bytes += size_bytes
        return self.load_ns(name)

    def load_ns(self, name: str) -> int:
        """What loading this model takes."""
        item = self._items.get(name)
        return item.load_ns if item else 0

    def debt_ns(self, other: Places) -> int:
        """The most that this host may pay for loads which the other does not, on any requests that both get from now.

        As long as the most recently used models are the same in both, in the same order, both keep them alike. A
        request for any other model makes that common part one longer (or cuts it alike where room is short), and
        costs this host at most that model's load more: so each of the other's models outside the common part, once.
        """
        mine, theirs = reversed(self._resident), reversed(other._resident)
        differs = False
        debt_ns = 0
        for name in theirs:
            differs = differs or next(mine, None) != name
            debt_ns += self.load_ns(name) if differs else 0
        return debt_ns

    def _size_bytes(self, name: str) -> int:
        item = self._items.get(name)
        return item.size_bytes if item else 0
