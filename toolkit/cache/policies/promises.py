"""The name of the least value, where values move with time: found without looking at all of them.

Each name promises a value below which it does not fall until some moment. Whose promise lies above the least value
found so far need not be looked at, so a search costs O(log n) for each of the few that are: those whose promise has
run out, and those that are about to be the least. (A kinetic tournament with lazy certificates, after J. Basch,
L. Guibas and J. Hershberger, "Data structures for mobile data", SODA 1997.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from toolkit.cache.policies.leasts import Leasts

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


class Promise(NamedTuple):
    """From now until the moment `until` (that moment too) the value stays at or above `lower`."""

    lower: float
    until: int


class Least(NamedTuple):
    """The least value, with what decides among equals, and whose it is."""

    value: tuple[float, int]
    name: str


class Moving(Protocol):
    """Whose values they are."""

    def value(self, name: str) -> tuple[float, int]:
        """The value now, and what decides among equals."""
        ...

    def broken(self) -> Iterable[str]:
        """Whose promises do not hold any more, before their time; told once. Names that are not there are ignored."""
        ...

    def promise(self, name: str) -> Promise:
        """What holds from now on, unless it is broken or the name is put again."""
        ...


class Promises:
    """Names and what they have promised; see the module. Up to `few` names are all looked at: that costs less."""

    __slots__ = ("_ends", "_few", "_lowers", "_names", "_open")

    def __init__(self, few: int = 8) -> None:
        self._few = few
        self._names: set[str] = set()
        self._open: set[str] = set()  # those without a promise that holds
        self._lowers: Leasts[float] = Leasts()
        self._ends: Leasts[int] = Leasts()

    def put(self, name: str) -> None:
        """One more name, or one whose promise does not hold any more."""
        self._names.add(name)
        if name not in self._open:
            self._open.add(name)
            self._lowers.drop(name)
            self._ends.drop(name)

    def drop(self, name: str) -> None:
        """The name is gone; unknown ones are ignored."""
        if name in self._names:
            self.put(name)
            self._open.remove(name)
            self._names.remove(name)

    def take_least(self, now: int, busy: Container[str], moving: Moving) -> Least | None:
        """Take out the least value's name of those that are not busy; None if there is none."""
        if len(self._names) <= self._few:
            least = min((Least(moving.value(name), name) for name in self._names if name not in busy), default=None)
        else:
            self._renew(now, moving)
            least = self._search(busy, moving)
        if least is not None:
            self.drop(least.name)
        return least

    def _search(self, busy: Container[str], moving: Moving) -> Least | None:
        """From the lowest promise up, until no other can be below the least found."""
        least: Least | None = None
        kept: list[tuple[float, str]] = []
        while (row := self._lowers.first()) is not None and (least is None or row[0] <= least.value[0]):
            lower, name = row
            self._lowers.drop(name)
            if name in busy:
                kept.append(row)
                continue
            self.put(name)
            found = Least(moving.value(name), name)
            least = found if least is None else min(least, found)
        for lower, name in kept:
            self._lowers.put(name, lower)
        return least

    def _renew(self, now: int, moving: Moving) -> None:
        for name in moving.broken():
            if name in self._names:
                self.put(name)
        while (row := self._ends.first()) is not None and row[0] < now:
            self.put(row[1])
        for name in self._open:
            lower, until = moving.promise(name)
            self._lowers.put(name, lower)
            self._ends.put(name, until)
        self._open.clear()
