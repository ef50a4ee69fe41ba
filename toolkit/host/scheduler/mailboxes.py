"""The scheduler's internal mailboxes: first in first out, with as many places as the queue has.

Whoever posts to a full box waits there, and if he holds a runner meanwhile, everybody who wants to look at that runner
waits with him. With the default of 512 places this never shows; with OLLAMA_MAX_QUEUE=1 it does.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from toolkit.host.scheduler.requests import Runner


class Notice(NamedTuple):
    """This runner is to go: says a timer, an eviction, an unload call or an end of request."""

    runner: Runner
    reason: str
    retry: bool = False
    """It was busy when first looked at."""


class NoticeBox:
    """Notices on their way to the completion side."""

    __slots__ = ("_blocked", "_places", "_waiting")

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: deque[Notice] = deque()
        self._blocked: deque[Notice] = deque()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._blocked)

    def has_room(self, *, receiver_idle: bool) -> bool:
        """Whether a post goes in at once; an idle receiver takes the first notice straight out of the poster's hand."""
        return not self._blocked and len(self._waiting) - receiver_idle < self._places

    def post(self, notice: Notice, *, receiver_idle: bool) -> bool:
        """Leave a notice; False if the poster has to wait with it."""
        if self.has_room(receiver_idle=receiver_idle):
            self._waiting.append(notice)
            return True
        self._blocked.append(notice)
        return False

    def take(self) -> tuple[Notice, Notice | None]:
        """The oldest notice, and the one whose poster need not wait any longer."""
        released = self._blocked.popleft() if self._blocked else None
        if released is not None:
            self._waiting.append(released)
        return self._waiting.popleft(), released


class SignalBox:
    """A runner has gone: a count of signals that the pending loop has not taken yet."""

    __slots__ = ("_places", "waiting")

    def __init__(self, places: int) -> None:
        self._places = places
        self.waiting = 0

    def has_room(self, *, receiver_idle: bool) -> bool:
        """Whether another signal goes in at once."""
        return self.waiting - receiver_idle < self._places
