"""Two kinds of room that need no host: so many models, or so many bytes. See `toolkit.cache.strategy.Room`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from toolkit.cache.strategy import Room
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@runtime_checkable
class CountingRoom(Room, Protocol):
    """A room that can say how many of some models it holds at once, without trying all sets of them."""

    def most_together(self, models: Collection[str]) -> int:
        """The size of the largest set of these models that can be resident together, at least 1."""
        ...


@dataclass(frozen=True, slots=True)
class SlotRoom:
    """Room for `slots` models (at least 1), whatever their sizes.

    Raises:
        UsageError: `slots` is less than 1.
    """

    slots: int

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise UsageError(f"{self.slots} slots hold no model: give at least 1")

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        """True while fewer than `slots` others are resident."""
        return len(resident - {wanted}) < self.slots

    def most_together(self, models: Collection[str]) -> int:
        """`slots`, or fewer if there are fewer models."""
        return max(1, min(self.slots, len(set(models))))


@dataclass(frozen=True, slots=True)
class SizedRoom:
    """Room for `capacity_bytes` in all and, unless None, for `max_models` models.

    A model alone always fits: a server tries the first model on an empty host in any case. A model that `size_bytes`
    does not list counts as having no size.
    """

    size_bytes: Mapping[str, int]
    capacity_bytes: int
    max_models: int | None = None

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        """True if nothing else is resident, or if all together stay within both limits."""
        together = resident | {wanted}
        if len(together) == 1:
            return True
        if self.max_models is not None and len(together) > self.max_models:
            return False
        return sum(self.size_bytes.get(model, 0) for model in together) <= self.capacity_bytes

    def most_together(self, models: Collection[str]) -> int:
        """How many fit if one takes the smallest first; no set can be larger."""
        used_bytes = count = 0
        for size in sorted(self.size_bytes.get(model, 0) for model in set(models)):
            used_bytes += size
            if used_bytes > self.capacity_bytes:
                break
            count += 1
        return max(1, count if self.max_models is None else min(count, self.max_models))
