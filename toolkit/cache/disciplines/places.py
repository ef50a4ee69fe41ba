"""A model of the host for schedules on paper: which models are resident, and what the next one costs. LRU evicts."""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, filterfalse, islice
from operator import indexOf, ne
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from toolkit.cache.policies.base import Item

    Beneath = OrderedDict[str, None] | dict[str, None]


class Held(dict[str, None]):
    """Models that a host holds, least recently used first, with what they come to; whoever changes it adds that up."""

    __slots__ = ("items_by_name", "loads_ns", "used_bytes")

    def __init__(self, items: Mapping[str, Item]) -> None:
        super().__init__()
        self.items_by_name = items
        self.used_bytes = 0
        self.loads_ns = 0
        """What loading all of them takes."""


class Places:
    """Resident models, least recently used first, in `capacity_bytes` of room and at most `models` (None: any number).

    A model that `items` does not list takes no room and no time to load.
    """

    __slots__ = ("_capacity_bytes", "_items", "_loads_ns", "_models", "_resident", "_used_bytes")

    def __init__(
        self, items: Mapping[str, Item], capacity_bytes: int, models: int | None = None, resident: Iterable[str] = ()
    ) -> None:
        self._items = items
        self._capacity_bytes = capacity_bytes
        self._models = models
        self._resident: OrderedDict[str, None] = OrderedDict.fromkeys(resident)
        self._used_bytes = sum(self._size_bytes(name) for name in self._resident)
        self._loads_ns = sum(self.load_ns(name) for name in self._resident)

    def holding(self, resident: Iterable[str]) -> Places:
        """The same host with these models resident, least recently used first."""
        return Places(self._items, self._capacity_bytes, self._models, resident)

    def copy(self) -> Places:
        """An independent copy."""
        return self.holding(self)

    def sheet(self) -> Places:
        """The same host on a sheet of its own, without a copy; this one must not change while that is used."""
        return Sheet(self, self._resident, self._used_bytes, self._loads_ns)

    def sheet_holding(self, resident: Collection[str]) -> Places:
        """As `holding`, but without a copy where what the models come to is known."""
        if isinstance(resident, Held) and resident.items_by_name is self._items:
            return Sheet(self, resident, resident.used_bytes, resident.loads_ns)
        return self.holding(resident)

    @property
    def loads_ns(self) -> int:
        """What loading all that are resident takes."""
        return self._loads_ns

    def newest(self) -> Iterator[str]:
        """Resident models, most recently used first."""
        return reversed(self._resident)

    def __len__(self) -> int:
        return len(self._resident)

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
            self._without(resident.popitem(last=False)[0])
        return self._with(name, size_bytes)

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
        try:
            common = indexOf(map(ne, self.newest(), other.newest()), True)
        except ValueError:
            common = min(len(self), len(other))
        if common == len(other):
            return 0
        return other.loads_ns - sum(map(self.load_ns, islice(other.newest(), common)))

    def _with(self, name: str, size_bytes: int) -> int:
        load_ns = self.load_ns(name)
        self._resident[name] = None
        self._used_bytes += size_bytes
        self._loads_ns += load_ns
        return load_ns

    def _without(self, name: str) -> None:
        self._used_bytes -= self._size_bytes(name)
        self._loads_ns -= self.load_ns(name)

    def _size_bytes(self, name: str) -> int:
        item = self._items.get(name)
        return item.size_bytes if item else 0


class Sheet(Places):
    """What becomes of a host, written beside it: beginning is O(1), and a use O(1) amortised, however much it holds.

    `beneath` is what the host holds, least recently used first, and the sums are what that comes to; it stays as it is,
    and must not change meanwhile.
    """

    __slots__ = ("_ahead", "_beneath", "_moved")

    def __init__(self, host: Places, beneath: Beneath, used_bytes: int, loads_ns: int) -> None:
        super().__init__(host._items, host._capacity_bytes, host._models)  # noqa: SLF001 - of a host's own kind
        self._beneath = beneath
        self._ahead = iter(beneath)
        self._moved: set[str] = set()  # of those beneath: used since, or evicted
        self._used_bytes = used_bytes
        self._loads_ns = loads_ns

    def sheet(self) -> Places:
        """See `Places`; a copy."""
        return self.copy()

    def newest(self) -> Iterator[str]:
        """See `Places`."""
        return chain(reversed(self._resident), filterfalse(self._moved.__contains__, reversed(self._beneath)))

    def __len__(self) -> int:
        return len(self._beneath) - len(self._moved) + len(self._resident)

    def __contains__(self, name: str) -> bool:
        return name in self._resident or (name in self._beneath and name not in self._moved)

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._beneath if name not in self._moved)
        yield from self._resident

    def use(self, name: str) -> int:
        """See `Places`."""
        since, moved = self._resident, self._moved
        if name in since:
            since.move_to_end(name)
            return 0
        if name in self._beneath and name not in moved:
            moved.add(name)
            since[name] = None
            return 0
        size_bytes = self._size_bytes(name)
        while (count := len(self)) and (
            self._used_bytes + size_bytes > self._capacity_bytes or (self._models is not None and count >= self._models)
        ):
            self._without(self._oldest())
        return self._with(name, size_bytes)

    def _oldest(self) -> str:
        """Who leaves next, taken out."""
        for name in self._ahead:  # goes on where it was: whoever it has passed has moved
            if name not in self._moved:
                self._moved.add(name)
                return name
        return self._resident.popitem(last=False)[0]
