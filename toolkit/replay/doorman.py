"""Turns for tasks: each waits at the door until it may send its request to the host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from toolkit.replay.turns import Turns


class Doorman:
    """`now_ns` is the run's time, `look` asks the host what is in memory now. For one event loop.

    Before each round of admissions the host is asked once: who was loaded and evicted by the last answer decides who is
    next, and a look of a second ago does not know.
    """

    def __init__(self, turns: Turns, now_ns: Callable[[], int], look: Callable[[], Awaitable[Collection[str]]]) -> None:
        self._turns = turns
        self._now_ns = now_ns
        self._look = look
        self._doors: dict[str, asyncio.Future[None]] = {}
        self._round: asyncio.Task[None] | None = None
        self._again = False

    async def wait(self, ticket: str, model: str) -> None:
        """Return when it is this request's turn; whoever is cancelled while it waits has left."""
        door = self._doors[ticket] = asyncio.get_running_loop().create_future()
        self._turns.arrived(ticket, model, self._now_ns())
        self._open()
        try:
            await door
        except asyncio.CancelledError:
            if self._doors.pop(ticket, None) is None:
                self._turns.ended(ticket, self._now_ns(), None)  # it was its turn already
            else:
                self._turns.left(ticket)
            raise

    def ended(self, ticket: str, service_ns: int | None) -> None:
        """A request whose turn it was is over."""
        self._turns.ended(ticket, self._now_ns(), service_ns)
        self._open()

    async def close(self) -> None:
        """Nobody is let in any more."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    def _open(self) -> None:
        """Look and let in, in a task of its own; one at a time, and once more if something happened meanwhile."""
        self._again = True
        if self._doors and (self._round is None or self._round.done()):
            self._round = asyncio.create_task(self._let_in())

    async def _let_in(self) -> None:
        while self._again and self._doors:
            self._again = False
            loaded = await self._look()
            while (ticket := self._turns.admit(self._now_ns(), loaded)) is not None:
                door = self._doors.pop(ticket)
                if not door.done():
                    door.set_result(None)
