"""One request to a model, from its place in the queue to the last byte of its answer.

    async with dispatcher.asks(ask, opened) as reply:  # waits for its turn, sends, waits for the head of the answer
        … reply.status, reply.course.found …
        await reply.pour(take)                         # each piece at once, see `toolkit.gateway.reply`

A host that cannot be reached, or that refuses because it is full, is replaced by another one that has the model, as
long as nothing of an answer has come. Leaving the block early closes the connection, and the host stops working.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from toolkit.gateway.attempt import Attempt, Habits
from toolkit.gateway.by_model import OptionsByModel
from toolkit.gateway.course import Course
from toolkit.gateway.http import cut_off_by
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.reply import HostReply, held
from toolkit.ollama.errors import ConnectTimeoutError, HostTimeoutError, OllamaError, StreamBrokeError, UnreachableError
from toolkit.replay.make_room import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.backend import Backend
    from toolkit.gateway.course import Notes
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.reply import Opened

_BUSY = 503


class Dispatcher:
    """See the module. `options` are the config's, by model."""

    def __init__(
        self,
        fleet: Fleet,
        options: Mapping[str, Mapping[str, Any]],
        clock_ns: Callable[[], int],
        ledger: Notes,
        patience: Patience | None = None,
    ) -> None:
        self.fleet = fleet
        self.habits = Habits(OptionsByModel(options), clock_ns, patience or Patience())
        self.ledger = ledger
        self._numbers = 0

    def asks(self, ask: Ask, opened: Opened = held) -> Asking:
        """Ask, and have the answer while the block runs; see `Asks`.

        Raises:
            Refusal: the gateway or the host cannot take the request.
        """
        return Asking(self, ask, opened)

    def number(self) -> int:
        """One that no other attempt has."""
        self._numbers += 1
        return self._numbers


class Asking(AbstractAsyncContextManager[HostReply]):
    """A request while it goes on. A class where a generator would do, but be in the way of every first token."""

    def __init__(self, dispatcher: Dispatcher, ask: Ask, opened: Opened) -> None:
        self._dispatcher = dispatcher
        self._opened = opened
        self._course = Course(ask, dispatcher.habits.clock_ns())
        self._attempt: Attempt | None = None

    async def __aenter__(self) -> HostReply:
        self._dispatcher.ledger.began()
        try:
            return await self._first_that_answers()
        except BaseException as error:
            self._ended(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._give_up()
        except BaseException as later:
            self._ended(later)
            raise
        self._ended(error)

    async def _first_that_answers(self) -> HostReply:
        """One host after the other, each once."""
        course, dispatcher = self._course, self._dispatcher
        tried: dict[str, Refusal] = {}
        while True:
            try:
                backend = await dispatcher.fleet.place(course.ask.name, tried)
            except Refusal:
                if tried:
                    raise next(reversed(tried.values())) from None
                raise
            course.ask = dispatcher.fleet.as_installed(course.ask)
            self._attempt = Attempt(backend, course, dispatcher.habits)
            try:
                reply = await self._attempt.begin(dispatcher.number(), self._opened)
            except OllamaError as error:
                await self._give_up()
                refusal = _refusal_of(error)
                others_may = isinstance(error, UnreachableError | ConnectTimeoutError | StreamBrokeError)
                if not others_may or course.first_ns is not None:
                    raise refusal from error
                tried[backend.name] = refusal
                continue
            except BaseException:
                await self._give_up()
                raise
            if reply.status == _BUSY and self._others(tried, backend):
                await self._give_up()
                tried[backend.name] = Refusal(Why.QUEUE_FULL, f"host {backend.name} is busy; try again later", 1)
                continue
            reply.tell()
            return reply

    async def _give_up(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            await attempt.leave()

    def _others(self, tried: Mapping[str, Refusal], backend: Backend) -> bool:
        return len(tried) + 1 < len(self._dispatcher.fleet.backends) and backend.name not in tried

    def _ended(self, error: BaseException | None) -> None:
        """What the client is told is what the request has come to."""
        course, dispatcher = self._course, self._dispatcher
        refusal: Refusal | None = None
        if isinstance(error, Refusal):
            refusal = error
        elif isinstance(error, asyncio.CancelledError):
            refusal = cut_off_by(error)
        if refusal is not None:
            course.outcome, course.status = refusal.why.label, refusal.why.status
            refusal.is_counted = True
        course.done_ns = dispatcher.habits.clock_ns()
        dispatcher.ledger.ended(course)


def _refusal_of(error: OllamaError) -> Refusal:
    why = Why.HOST_SLOW if isinstance(error, HostTimeoutError) else Why.HOST_FAILED
    return Refusal(why, str(error), 1)
