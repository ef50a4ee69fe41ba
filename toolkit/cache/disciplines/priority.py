"""Priorities with ageing: the most urgent goes first, and everybody becomes more urgent while he waits.

A request of priority p counts as one that arrived p · `step_ns` earlier, and first come first served rules on those
times. Bound: a request is overtaken only by those that arrived less than (their priority - its own) · step later.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Waiting


class Ageing:
    """See the module; O(log n) a request."""

    __slots__ = ("_heap", "_step_ns", "_waiting")

    def __init__(self, step_ns: int) -> None:
        self._step_ns = step_ns
        self._heap: list[tuple[int, int]] = []
        self._waiting: dict[int, Waiting] = {}

    def arrived(self, request: Waiting) -> None:
        """See `Discipline`."""
        self._waiting[request.number] = request
        heapq.heappush(self._heap, (request.arrived_ns - request.priority * self._step_ns, request.number))

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:  # noqa: ARG002 - priority is all
        """Whose aged arrival is earliest."""
        while self._heap:
            _, number = heapq.heappop(self._heap)
            request = self._waiting.pop(number, None)
            if request is not None:
                return request
        return None

    def done(self, request: Waiting, service_ns: int) -> None:
        """See `Discipline`; nothing to learn."""

    def left(self, number: int) -> None:
        """See `Discipline`."""
        self._waiting.pop(number, None)
