"""Waiting with a limit, many times in a row: one timer for all of it, where `asyncio.timeout` sets one each time.

A stream waits for each of its pieces, nearly always for much less than the limit. So the timer is set once, and looks
when it rings whether anybody waits, and until when; as the limit may come nearer meanwhile, it rings early.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")

_LOOK_AFTER_S = 10.0
"""Before a limit that is further away: most waiting is over by then, and a limit that moves needs no other timer."""


class Patience:
    """The limit of one waiter, who waits again and again; to be ended when he is done."""

    __slots__ = ("_rang", "_rings_s", "_task", "_timer", "_until_s")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None  # who waits
        self._until_s = math.inf
        self._rings_s = math.inf  # no timer: never
        self._rang = False
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, awaitable: Awaitable[T], until_s: float | None) -> T:
        """Wait for it, but not beyond a moment of the loop's clock; None: without limit.

        Raises:
            TimeoutError: it has taken longer.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        self._task, self._rang = task, False
        self.move(until_s)
        cancelling = task.cancelling()
        try:
            return await awaitable
        except asyncio.CancelledError as error:
            # As `asyncio.timeout` does: somebody else may have cancelled the task as well, and that goes first.
            if self._rang and task.uncancel() <= cancelling:
                raise TimeoutError from error
            raise
        finally:
            self._task = None

    def move(self, until_s: float | None) -> None:
        """Whoever waits may wait until then; None: without limit."""
        self._until_s = until = math.inf if until_s is None else until_s
        if until < self._rings_s and self._task is not None:
            self._set(self._task.get_loop())

    def end(self) -> None:
        """Nobody will wait any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rings_s = math.inf

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ring when the limit is reached, or to look how far it is."""
        self.end()
        self._rings_s = min(self._until_s, loop.time() + _LOOK_AFTER_S)
        self._timer = loop.call_at(self._rings_s, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self.end()
        if self._task is None or self._until_s == math.inf:
            return
        if loop.time() < self._until_s:
            self._set(loop)
        else:
            self._rang = True
            self._task.cancel()
