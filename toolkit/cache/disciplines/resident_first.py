"""Requests for models in memory go first, then the model with the most waiting; but nobody waits for ever.

Bound: who has waited `patience_ns` is not overtaken any more; from then on only those who had waited as long go
before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.disciplines.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Waiting


class ResidentFirst:
    """See the module."""

    __slots__ = ("_patience_ns", "_queue")

    def __init__(self, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._queue = Queue()

    def arrived(self, request: Waiting) -> None:
        """See `Discipline`."""
        self._queue.add(request)

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:
        """The oldest if its patience is over, else resident first."""
        if not self._queue:
            return None
        oldest = self._queue.oldest()
        impatient = now_ns - oldest.arrived_ns >= self._patience_ns
        return self._queue.take((oldest if impatient else self._queue.fullest(resident)).number)

    def done(self, request: Waiting, service_ns: int) -> None:
        """See `Discipline`; nothing to learn."""

    def left(self, number: int) -> None:
        """See `Discipline`."""
        self._queue.take(number)
