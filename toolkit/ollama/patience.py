"""Waiting with a limit, many times in a row: one timer for all of it, where `asyncio.timeout` sets one each time.

A stream waits for each of its pieces, nearly always for much less than the limit. So the timer is set once, and looks
when it rings whether anybody waits, and until when.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


class Patience:
    """The limit of one waiter, who waits again and again; to be ended when he is done."""

    __slots__ = ("_rang", "_task", "_timer", "_until_s")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None  # who waits
        self._until_s = 0.0
        self._rang = False
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, awaitable: Awaitable[T], until_s: float | None) -> T:
        """Wait for it, but not beyond a moment of the loop's clock; None: without limit.

        Raises:
            TimeoutError: it has taken longer.
        """
        if until_s is None:
            return await awaitable
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        self._task, self._until_s, self._rang = task, until_s, False
        cancelling = task.cancelling()
        if self._timer is None or self._timer.when() > until_s:
            self._set(task.get_loop())
        try:
            return await awaitable
        except asyncio.CancelledError as error:
            # As `asyncio.timeout` does: somebody else may have cancelled the task as well, and that goes first.
            if self._rang and task.uncancel() <= cancelling:
                raise TimeoutError from error
            raise
        finally:
            self._task = None

    def end(self) -> None:
        """Nobody will wait any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        self.end()
        self._timer = loop.call_at(self._until_s, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._task is None:
            return
        if loop.time() < self._until_s:
            self._set(loop)
        else:
            self._rang = True
            self._task.cancel()
