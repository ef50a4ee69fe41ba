"""Priorities and pins on top of another policy: lower classes leave first, pinned models never.

Within a class the policy beneath decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from toolkit.cache.policies.base import Item, Policy

PINNED: Final = 1_000_000
"""The class of models that never leave."""


class _Except:
    """Everything that is busy or not of one class."""

    __slots__ = ("_busy", "_classes", "_only")

    def __init__(self, busy: Container[str], classes: Mapping[str, int], only: int) -> None:
        self._busy, self._classes, self._only = busy, classes, only

    def __contains__(self, name: object) -> bool:
        return self._classes.get(str(name), 0) != self._only or name in self._busy


class Classes:
    """`classes` maps names to numbers, higher ones stay longer; a name that is not there is of class 0."""

    __slots__ = ("_beneath", "_classes", "_levels")

    def __init__(self, beneath: Policy, classes: Mapping[str, int]) -> None:
        self._beneath = beneath
        self._classes = dict(classes)
        self._levels = sorted({0, *self._classes.values()} - {PINNED})

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._beneath.hit(item, position, now_ns)

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._beneath.missed(item, position, now_ns)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        """Out of the lowest class that has anybody who may leave."""
        for level in self._levels:
            name = self._beneath.victim(wanted, _Except(busy, self._classes, level))
            if name is not None:
                return name
        return None

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._beneath.loaded(item, position, now_ns)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._beneath.gone(name)
