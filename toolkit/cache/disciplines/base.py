"""The contract between a discipline and whoever owns the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection


class Waiting(NamedTuple):
    """One request that has arrived. `number` counts arrivals from 0; a higher `priority` is more urgent.

    A tuple, as one is made for each request: a frozen dataclass takes four times as long to make.
    """

    number: int
    model: str
    arrived_ns: int
    priority: int = 0


class Discipline(Protocol):
    """Holds those who wait and hands out the next.

    The owner calls `arrived` in order of arrival, `next` when the host can take a request, `done` when one has been
    answered (`service_ns` is what it took after its model was there), `left` when one gives up. Times do not go back.
    """

    def arrived(self, request: Waiting) -> None:
        """One more waits."""
        ...

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:
        """Who goes now, and does not wait any longer; None if nobody waits. `resident`: least recently used first."""
        ...

    def done(self, request: Waiting, service_ns: int) -> None:
        """A request that was handed out has been answered."""
        ...

    def left(self, number: int) -> None:
        """A request that waits has gone away; unknown numbers are ignored."""
        ...
