"""What the gateway learns about a host's memory by looking at `/api/ps`: sizes, load times, who can live with whom.

Pure. Nothing of it is asked of the user. Until something is known, a model is taken to need the whole memory: that
costs a little waiting in the first minutes, and never an eviction that hangs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.cache.disciplines.places import Places
from toolkit.cache.policies.base import Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

FIRST_LOAD_NS: Final = 5_000_000_000
"""What a load is taken to last before one of the model was seen."""
_NEW_SHARE: Final = 0.3
"""How much a new load time counts against the mean of the earlier ones."""
_MOST_SETS: Final = 256
_UNIT: Final = 1 << 20


class LearnedMemory:
    """One host. Sizes are first those of the files (`/api/tags`); `/api/ps` knows better once it lists a model."""

    def __init__(self, max_models: int | None = None) -> None:
        self._items: dict[str, Item] = {}
        self._together: set[frozenset[str]] = set()
        self._capacity = _Capacity()
        self._places = LearnedPlaces(self._items, self._capacity, max_models)

    @property
    def places(self) -> Places:
        """The host on paper, empty; it follows what is learned."""
        return self._places

    def together(self, models: frozenset[str]) -> bool:
        """Whether all of them were seen in memory at once, and nothing since says that they do not fit."""
        return len(models) <= 1 or any(models <= known for known in self._together)

    def files(self, sizes: Mapping[str, int]) -> None:
        """The sizes of the files on disk."""
        for name, size_bytes in sizes.items():
            if name not in self._items:
                self._items[name] = Item(name, max(size_bytes, 1), FIRST_LOAD_NS)

    def saw(self, sizes: Mapping[str, int]) -> None:
        """The models that `/api/ps` lists, with their sizes."""
        for name, size_bytes in sizes.items():
            known = self._items.get(name)
            self._items[name] = Item(name, max(size_bytes, 1), known.load_ns if known else FIRST_LOAD_NS)
        here = frozenset(sizes)
        if here and not any(here <= known for known in self._together):
            self._together = {known for known in self._together if not known <= here} | {here}
            while len(self._together) > _MOST_SETS:
                self._together.remove(min(self._together, key=lambda known: (len(known), sorted(known))))
        used_bytes = sum(self._items[name].size_bytes for name in here)
        self._capacity.most_bytes = max(self._capacity.most_bytes, used_bytes)

    def pushed_out(self, loaded: str, before: Collection[str], after: Collection[str]) -> None:
        """A load ended; of those that were in memory before, some are not any more, and nobody had asked for that."""
        if set(before) - set(after):
            crowd = frozenset(before) | {loaded}
            self._together = {known for known in self._together if not crowd <= known}
            left_bytes = [sum(self._items[name].size_bytes for name in known) for known in self._together]
            self._capacity.most_bytes = max(left_bytes, default=0)

    def doubt(self, models: Collection[str]) -> None:
        """A load of these does not come, so what was seen beside them says nothing any more; it is learned anew."""
        self._together = {known for known in self._together if known.isdisjoint(models)}

    def took(self, model: str, load_ns: int) -> None:
        """A load of the model lasted so long."""
        known = self._items.get(model)
        if known is None:
            self._items[model] = Item(model, _UNIT, load_ns)
        else:
            seen = known.load_ns != FIRST_LOAD_NS
            mean_ns = round(known.load_ns + _NEW_SHARE * (load_ns - known.load_ns)) if seen else load_ns
            self._items[model] = Item(model, known.size_bytes, mean_ns)


@dataclass(slots=True)
class _Capacity:
    most_bytes: int = 0


class LearnedPlaces(Places):
    """Places whose sizes and capacity are still being learned: all copies follow what is known by now."""

    __slots__ = ("_capacity",)

    def __init__(
        self, items: Mapping[str, Item], capacity: _Capacity, models: int | None, resident: Iterable[str] = ()
    ) -> None:
        super().__init__(items, capacity.most_bytes, models, resident)
        self._capacity = capacity

    def holding(self, resident: Iterable[str]) -> LearnedPlaces:
        """See `Places`."""
        return LearnedPlaces(self._items, self._capacity, self._models, resident)

    def sheet(self) -> LearnedPlaces:
        """See `Places`; a copy, as a host holds few."""
        return self.holding(self)

    @property
    def loads_ns(self) -> int:
        """See `Places`; as is known by now."""
        return sum(self.load_ns(name) for name in self._resident)

    def use(self, name: str) -> int:
        """See `Places`."""
        resident = self._resident
        if name in resident:
            resident.move_to_end(name)
            return 0
        used_bytes = self._size_bytes(name) + sum(self._size_bytes(each) for each in resident)
        while resident and (
            used_bytes > self._capacity.most_bytes or (self._models is not None and len(resident) >= self._models)
        ):
            left, _ = resident.popitem(last=False)
            used_bytes -= self._size_bytes(left)
        resident[name] = None
        return self.load_ns(name)
