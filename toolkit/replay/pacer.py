"""Starts requests when they are due, whatever the host does: the open loop, and every turn that follows an answer."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from toolkit.replay.alarm import alarm

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from toolkit.workload.plan import PlannedRequest


class Pacer:
    """Calls `start(request, due_ns)` for each request once it is due, in order of due times, then of adding.

    Times are nanoseconds since `start_ns` of the monotonic clock. It never waits for what it started: a request that
    is late (the loop was busy) is started at once, and its due time stays what it was.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock_ns: Callable[[], int],
        start_ns: int,
        start: Callable[[PlannedRequest, int], None],
    ) -> None:
        self._clock_ns = clock_ns
        self._start_ns = start_ns
        self._start = start
        self._due: list[tuple[int, int, PlannedRequest]] = []
        self._added = 0
        self._set_for_ns: int | None = None
        self._alarm = alarm(loop, self._ring)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for its time."""
        return not self._due

    def begin(self, requests: Iterable[tuple[int, PlannedRequest]]) -> None:
        """Add all that is known beforehand: pairs of due time and request."""
        for due_ns, request in requests:
            self._due.append((due_ns, self._added, request))
            self._added += 1
        heapq.heapify(self._due)
        self._arm()

    def add(self, request: PlannedRequest, due_ns: int) -> None:
        """One more."""
        heapq.heappush(self._due, (due_ns, self._added, request))
        self._added += 1
        self._arm()

    def close(self) -> None:
        """Start nothing any more."""
        self._due.clear()
        self._alarm.close()

    def _ring(self) -> None:
        self._set_for_ns = None
        while self._due and self._due[0][0] <= self._clock_ns() - self._start_ns:
            due_ns, _, request = heapq.heappop(self._due)
            self._start(request, due_ns)
        self._arm()

    def _arm(self) -> None:
        if self._due and self._due[0][0] != self._set_for_ns:
            self._set_for_ns = self._due[0][0]
            self._alarm.set(self._start_ns + self._set_for_ns)
