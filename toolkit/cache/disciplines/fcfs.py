"""First come, first served: nobody is ever overtaken, and every change of model in the stream is a swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.disciplines.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Waiting


class FirstCome:
    """Bound: none is needed. What a server without a gateway in front of it does, but for models in memory."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue = Queue()

    def arrived(self, request: Waiting) -> None:
        """See `Discipline`."""
        self._queue.add(request)

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:  # noqa: ARG002 - order is all
        """The oldest."""
        return self._queue.take(self._queue.oldest().number) if self._queue else None

    def done(self, request: Waiting, service_ns: int) -> None:
        """See `Discipline`; nothing to learn."""

    def left(self, number: int) -> None:
        """See `Discipline`."""
        self._queue.take(number)
