"""Markov prefetch: which model usually follows this one? It is worth loading while the host is idle.

Source: D. Joseph and D. Grunwald, "Prefetching using Markov predictors", ISCA 1997; first order, counts that fade.
Evicts as the policy beneath does. Prefetching costs loads that nobody asked for, so it pays only where the host has
time, and only a model that follows with at least `confidence` is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item, Policy

_FADE: Final = 0.99
_HEAVIEST: Final = 2.0**53
"""What a first sighting weighs in the end, seen from the latest: below a float's last digit, so it is forgotten."""
_FEWEST: Final = 4.0
"""Changes seen from a model before anything is predicted."""


class _Followers:
    """What came after one model; old sightings fade as new ones come.

    Instead of shrinking all counts with each sighting, the weight of a new one grows, so only one count changes and
    only that one can become the largest: O(1) a sighting.
    """

    __slots__ = ("_counts", "_sum", "_weight", "first")

    def __init__(self) -> None:
        self._counts: dict[str, float] = {}
        self._sum = 0.0
        self._weight = _FADE
        self.first = ""
        """Who follows most often; of equals the last by name. Empty before the first sighting."""

    @property
    def total(self) -> float:
        """How many sightings there are, those that faded as parts of one."""
        return self._sum / self._weight

    @property
    def share(self) -> float:
        """That of the first, 0 to 1; there must be one."""
        return self._counts[self.first] / self._sum

    def saw(self, name: str) -> None:
        """One more, after all earlier ones have faded."""
        self._weight /= _FADE
        if self._weight > _HEAVIEST:
            self._begin_anew()
        self._counts[name] = count = self._counts.get(name, 0.0) + self._weight
        self._sum += self._weight
        if (count, name) >= (self._counts.get(self.first, 0.0), self.first):
            self.first = name

    def _begin_anew(self) -> None:
        """Bring the weight of a sighting back to 1, and forget those that weigh nothing beside it."""
        weight, self._weight = self._weight, 1.0
        self._counts = {name: count / weight for name, count in self._counts.items() if count >= 1}
        self._sum = sum(self._counts.values())


class Markov:
    """See the module; repeats of the same model teach nothing about what to load."""

    __slots__ = ("_beneath", "_confidence", "_current", "_follows")

    def __init__(self, beneath: Policy, confidence: float = 0.5) -> None:
        self._beneath = beneath
        self._confidence = confidence
        self._current: str | None = None
        self._follows: dict[str, _Followers] = {}

    @property
    def beneath(self) -> Policy:
        """The policy that evicts."""
        return self._beneath

    def wanted_next(self, resident: Container[str]) -> str | None:
        """See `Prefetching`."""
        follows = self._follows.get(self._current or "")
        if follows is None or follows.total < _FEWEST or follows.share < self._confidence:
            return None
        return None if follows.first in resident else follows.first

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._learn(item.name)
        self._beneath.hit(item, position, now_ns)

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._learn(item.name)
        self._beneath.missed(item, position, now_ns)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        """See `Policy`."""
        return self._beneath.victim(wanted, busy)

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._beneath.loaded(item, position, now_ns)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._beneath.gone(name)

    def _learn(self, name: str) -> None:
        if self._current is not None and self._current != name:
            follows = self._follows.get(self._current)
            if follows is None:
                follows = self._follows[self._current] = _Followers()
            follows.saw(name)
        self._current = name
