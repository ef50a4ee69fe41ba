"""Processor time of a CPU host, shared by what computes there at one moment: answers, loads, other programs.

All work of a host advances at one common rate, 1 at best: what is left of the cores over the threads that want them.
So progress is a single clock that runs slower while there is a crowd, and a piece of work ends when that clock has
advanced by its length: one heap, nothing to recalculate when somebody comes or goes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Cores:
    """What a CPU host has to share.

    `count` cores; a runner that answers wants `threads` of them, one that loads wants 1. `background` is what other
    programs want, in threads, from each time (ns) on. Two groups of programs that both want everything get half each,
    as the kernel shares cores between control groups, so at least half of the cores is left. Even who has a core to
    itself is slower by the share `drag` while another program fills one: caches and the memory's bandwidth are shared.
    """

    count: float
    threads: float = 1.0
    background: tuple[tuple[int, float], ...] = ()
    drag: float = 0.0

    def rate(self, wanted_threads: float, background_threads: float) -> float:
        """How fast work advances, 0 < rate ≤ 1, when `wanted_threads` of the host's own are at work."""
        left = max(self.count - background_threads, self.count / 2)
        share = min(1.0, left / wanted_threads) if wanted_threads > 0 else 1.0
        return share * (1 - self.drag * min(1.0, background_threads))


class Task(NamedTuple):
    """A piece of work, and what is to be called with what when it has ended.

    `threads` 0 makes it a mark: it waits for the progress that it needs, and takes nothing away from others.
    """

    key: object
    work_ns: int
    threads: float
    action: Callable[[Any], None]
    argument: Any


class Processor:
    """The work under way. Times are ns of the driver's clock and never go back."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._now_ns = 0
        self._progress_ns = 0.0
        self._wanted = 0.0
        self._begun = 0
        self._heap: list[tuple[float, int, object]] = []
        self._tasks: dict[object, tuple[int, Task]] = {}
        self._changes = sorted(cores.background)
        self._passed = 0
        self._background = 0.0

    def start(self, task: Task, now_ns: int) -> None:
        """Begin a piece of work."""
        self._advance(now_ns)
        self._begun += 1
        self._tasks[task.key] = (self._begun, task)
        self._wanted += task.threads
        heappush(self._heap, (self._progress_ns + task.work_ns, self._begun, task.key))

    def stop(self, key: object, now_ns: int) -> None:
        """Give up a piece of work; nothing happens if there is none of this key."""
        if key in self._tasks:
            self._advance(now_ns)
            self._wanted -= self._tasks.pop(key)[1].threads

    def due_ns(self) -> int | None:
        """When to call `work` next: the first work ends then, or the background changes. None: never."""
        while self._heap and not self._lives(self._heap[0]):
            heappop(self._heap)
        if not self._heap:
            return None
        left = max(self._heap[0][0] - self._progress_ns, 0.0)
        due_ns = self._now_ns + math.ceil(left / self._rate())
        if self._passed < len(self._changes):
            due_ns = min(due_ns, max(self._changes[self._passed][0], self._now_ns))
        return due_ns

    def work(self, now_ns: int) -> Task | None:
        """Advance; the first task that has ended now, or None if none has."""
        self._advance(now_ns)
        while self._heap and not self._lives(self._heap[0]):
            heappop(self._heap)
        # Less than a nanosecond is left where a rate made the end fall between two of them.
        if not self._heap or self._heap[0][0] - self._progress_ns >= 1.0:
            return None
        _, _, key = heappop(self._heap)
        task = self._tasks.pop(key)[1]
        self._wanted -= task.threads
        return task

    def _lives(self, entry: tuple[float, int, object]) -> bool:
        task = self._tasks.get(entry[2])
        return task is not None and task[0] == entry[1]

    def _rate(self) -> float:
        return self._cores.rate(self._wanted, self._background)

    def _advance(self, now_ns: int) -> None:
        while self._passed < len(self._changes) and self._changes[self._passed][0] <= now_ns:
            at_ns, threads = self._changes[self._passed]
            self._step(max(at_ns, self._now_ns))
            self._background = threads
            self._passed += 1
        self._step(now_ns)

    def _step(self, now_ns: int) -> None:
        self._progress_ns += (now_ns - self._now_ns) * self._rate()
        self._now_ns = now_ns
