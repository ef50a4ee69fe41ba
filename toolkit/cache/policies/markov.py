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
_FEWEST: Final = 4.0
"""Changes seen from a model before anything is predicted."""


class Markov:
    """See the module; repeats of the same model teach nothing about what to load."""

    __slots__ = ("_beneath", "_confidence", "_current", "_follows")

    def __init__(self, beneath: Policy, confidence: float = 0.5) -> None:
        self._beneath = beneath
        self._confidence = confidence
        self._current: str | None = None
        self._follows: dict[str, dict[str, float]] = {}

    @property
    def beneath(self) -> Policy:
        """The policy that evicts."""
        return self._beneath

    def wanted_next(self, resident: Container[str]) -> str | None:
        """See `Prefetching`."""
        follows = self._follows.get(self._current or "", {})
        total = sum(follows.values())
        if total < _FEWEST:
            return None
        name, count = max(follows.items(), key=lambda each: (each[1], each[0]))
        return name if count >= self._confidence * total and name not in resident else None

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
            follows = self._follows.setdefault(self._current, {})
            for other in follows:
                follows[other] *= _FADE
            follows[name] = follows.get(name, 0.0) + 1.0
        self._current = name
