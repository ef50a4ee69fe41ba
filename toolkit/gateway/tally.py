"""Sums under numbers: amounts are added, and taken out again when they have become too old. Pure.

A sum that is in use is a dict; one that only waits until it is taken out is a pair of arrays, a tenth of the size.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Packed:
    """A tally that does not change any more: 12 bytes an amount. Gives the numbers with their amounts."""

    __slots__ = ("_amounts", "_numbers")

    def __init__(self, sums: dict[int, int]) -> None:
        self._numbers = array("I", sums)
        self._amounts: Sequence[int]
        try:
            self._amounts = array("q", sums.values())
        except OverflowError:  # a host may count what it likes
            self._amounts = tuple(sums.values())

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._numbers, self._amounts, strict=True)


class Tally:
    """See the module. `a.subtract(b)` undoes `a.add(b)`; what has come to nothing takes no memory."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[int, int] = {}

    def add(self, amounts: Iterable[tuple[int, int]]) -> None:
        """Amounts with the numbers of their sums."""
        sums = self._sums
        for number, amount in amounts:
            if amount:
                sums[number] = sums.get(number, 0) + amount

    def subtract(self, amounts: Iterable[tuple[int, int]]) -> None:
        """Take out amounts that were put in."""
        sums = self._sums
        for number, amount in amounts:
            rest = sums.get(number, 0) - amount
            if rest:
                sums[number] = rest
            else:
                sums.pop(number, None)

    def of(self, number: int) -> int:
        """A sum."""
        return self._sums.get(number, 0)

    def between(self, first: int, end: int) -> list[tuple[int, int]]:
        """The sums from a number on up to (and without) another, in order."""
        return sorted(item for item in self._sums.items() if first <= item[0] < end)

    def packed(self) -> Packed:
        """What it is now."""
        return Packed(self._sums)

    def __bool__(self) -> bool:
        return bool(self._sums)
