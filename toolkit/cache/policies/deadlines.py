"""Names by the moment that each of them has, earliest first; a moment may change both ways, in O(log n)."""

from __future__ import annotations

import heapq
from typing import Final

_STALE_ROWS_PER_NAME: Final = 4
_FEWEST_ROWS: Final = 64


class Deadlines:
    """One moment (ns) a name. Rows of the heap that the moments contradict are out of date; few are kept."""

    __slots__ = ("_at_ns", "_heap")

    def __init__(self) -> None:
        self._at_ns: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def put(self, name: str, at_ns: int) -> None:
        """The name's moment is this one now, whatever it was."""
        if self._at_ns.get(name) == at_ns:
            return
        self._at_ns[name] = at_ns
        heapq.heappush(self._heap, (at_ns, name))
        if len(self._heap) > max(_FEWEST_ROWS, _STALE_ROWS_PER_NAME * len(self._at_ns)):
            self._heap = [(at_ns, name) for name, at_ns in self._at_ns.items()]
            heapq.heapify(self._heap)

    def drop(self, name: str) -> bool:
        """The name has no moment any more; whether it had one."""
        return self._at_ns.pop(name, None) is not None

    def first(self) -> tuple[int, str] | None:
        """The earliest moment and its name, by name among equals; None without any."""
        heap = self._heap
        while heap:
            at_ns, name = heap[0]
            if self._at_ns.get(name) == at_ns:
                return heap[0]
            heapq.heappop(heap)
        return None
