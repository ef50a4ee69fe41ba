"""Names by a number that each of them has, the least first; a number may change both ways, in O(log n)."""

from __future__ import annotations

import heapq
from typing import Final, Generic, TypeVar

N = TypeVar("N", int, float)

_STALE_ROWS_PER_NAME: Final = 4
_FEWEST_ROWS: Final = 64


class Leasts(Generic[N]):
    """One number a name. Rows of the heap that the numbers contradict are out of date; few are kept."""

    __slots__ = ("_heap", "_numbers")

    def __init__(self) -> None:
        self._numbers: dict[str, N] = {}
        self._heap: list[tuple[N, str]] = []

    def put(self, name: str, number: N) -> None:
        """The name's number is this one now, whatever it was."""
        if self._numbers.get(name) == number:
            return
        self._numbers[name] = number
        heapq.heappush(self._heap, (number, name))
        if len(self._heap) > max(_FEWEST_ROWS, _STALE_ROWS_PER_NAME * len(self._numbers)):
            self._heap = [(number, name) for name, number in self._numbers.items()]
            heapq.heapify(self._heap)

    def drop(self, name: str) -> bool:
        """The name has no number any more; whether it had one."""
        return self._numbers.pop(name, None) is not None

    def first(self) -> tuple[N, str] | None:
        """The least number and its name, by name among equals; None without any."""
        heap = self._heap
        while heap:
            number, name = heap[0]
            if self._numbers.get(name) == number:
                return heap[0]
            heapq.heappop(heap)
        return None
