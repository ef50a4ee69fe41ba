"""One request to a model, from its place in the queue to the last byte of its answer.

    async with dispatcher.asks(ask, opened) as reply:  # waits for its turn, sends, waits for the head of the answer
        … reply.status, reply.course.found …
        await reply.pour(take)                         # each piece at once, see `toolkit.gateway.reply`

A host that cannot be reached, or that refuses because it is full, is replaced by another one that has the model, as
long as nothing of an answer has come. Leaving the block early closes the connection, and the host stops working.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from toolkit.cache.strategy import Access, Answer
from toolkit.config.scalars import canonical_model_name
from toolkit.gateway.course import Course
from toolkit.gateway.http import cut_off_by
from toolkit.gateway.reading import Reader
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.reply import HostReply, held
from toolkit.gateway.wording import body_of, expected, request_of
from toolkit.ollama.errors import ConnectTimeoutError, HostTimeoutError, OllamaError, StreamBrokeError, UnreachableError
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.make_room import Patience, make_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from toolkit.cache.strategy import Directive
    from toolkit.gateway.ask import Ask
    from toolkit.gateway.backend import Backend
    from toolkit.gateway.course import Notes
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.gate import Turn
    from toolkit.gateway.reply import Opened

NS_PER_S = 1_000_000_000
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
        self._fleet = fleet
        self._options = {canonical_model_name(name): dict(given) for name, given in options.items()}
        self._clock_ns = clock_ns
        self._ledger = ledger
        self._patience = patience or Patience()
        self._numbers = 0

    @asynccontextmanager
    async def asks(self, ask: Ask, opened: Opened = held) -> AsyncIterator[HostReply]:
        """Ask, and have the answer while the block runs; see `Asks`.

        Raises:
            Refusal: the gateway or the host cannot take the request.
        """
        course = Course(ask, self._clock_ns())
        self._ledger.began()
        try:
            reply, stack = await self._first_that_answers(course, opened)
            async with stack:
                yield reply
        except Refusal as refusal:
            _tell(course, refusal)
            raise
        except asyncio.CancelledError as error:
            if (cut := cut_off_by(error)) is not None:
                _tell(course, cut)
            raise
        finally:
            course.done_ns = self._clock_ns()
            self._ledger.ended(course)

    async def _first_that_answers(self, course: Course, opened: Opened) -> tuple[HostReply, AsyncExitStack]:
        """One host after the other, each once; what is given back must be left when the answer is read."""
        tried: dict[str, Refusal] = {}
        while True:
            try:
                backend = await self._fleet.place(course.ask.name, tried)
            except Refusal:
                if tried:
                    raise next(reversed(tried.values())) from None
                raise
            stack = AsyncExitStack()
            try:
                reply = await self._sent(backend, course, stack, opened)
            except OllamaError as error:
                await stack.aclose()
                refusal = _refusal_of(error)
                others_may = isinstance(error, UnreachableError | ConnectTimeoutError | StreamBrokeError)
                if not others_may or course.first_ns is not None:
                    raise refusal from error
                tried[backend.name] = refusal
                continue
            except BaseException:
                await stack.aclose()
                raise
            if reply.status == _BUSY and self._others(tried, backend):
                await stack.aclose()
                tried[backend.name] = Refusal(Why.QUEUE_FULL, f"host {backend.name} is busy; try again later", 1)
                continue
            reply.tell()
            return reply, stack

    def _others(self, tried: Mapping[str, Refusal], backend: Backend) -> bool:
        return len(tried) + 1 < len(self._fleet.backends) and backend.name not in tried

    async def _sent(self, backend: Backend, course: Course, stack: AsyncExitStack, opened: Opened) -> HostReply:
        """Wait for the turn, send, and wait for the head of the answer."""
        ask = course.ask
        course.host, course.load = backend.name, None
        turn = await self._turn(backend, course, stack)
        directive = await self._prepared(backend, course, turn, stack)
        body = body_of(ask, self._options.get(ask.name), directive)
        if ask.leaves_after:
            stack.push_async_callback(backend.look_shortly)
        course.found = expected(backend, ask.name, body, turn)
        request = request_of(ask.path, body)
        reader = Reader(texts=ask.texts)
        course.reading = reader.reading
        course.sent_ns = self._clock_ns()
        backend.breaker.tries()
        backend.was_used = True

        def is_there() -> None:
            if turn is None:
                return
            load = course.load
            if load is None and ask.name in backend.gate.loads:  # it was believed in memory, and was not
                load = backend.load_begins(ask.name)
            if load is not None:
                backend.load_ended(load)
            turn.is_there()

        reply = HostReply(course, reader, turn, clock_ns=self._clock_ns, is_there=is_there, opened=opened)
        stream = backend.client.stream_relay(request, ask.model, opened=reply.head_came)
        reply.comes_by(stream)
        watch = asyncio.create_task(backend.watch_load(ask.name, turn.is_there)) if turn and turn.loads else None
        try:
            await stack.enter_async_context(stream)
        except OllamaError:
            backend.breaker.failed(self._clock_ns())
            raise
        except BaseException:
            backend.breaker.gave_up()
            raise
        finally:
            if watch is not None:  # until the head of the answer has come: others wait to hear that the model is there
                watch.cancel()
        backend.breaker.worked()
        return reply

    async def _turn(self, backend: Backend, course: Course, stack: AsyncExitStack) -> Turn | None:
        """Wait for it; None if it needs none. Raises UnreachableError if the host has failed others meanwhile."""
        ask = course.ask
        if ask.is_unload or not backend.has(ask.name):
            return None
        await backend.look_if_old()
        turn = await backend.gate.turn(ask.name, ask.priority)
        stack.callback(turn.end)
        course.waited_ns = turn.waited_ns
        left_ns = backend.breaker.left_ns(self._clock_ns())
        if left_ns:
            raise UnreachableError(f"host {backend.name} has failed and is left alone for {left_ns / NS_PER_S:.1f} s")
        return turn

    async def _prepared(
        self, backend: Backend, course: Course, turn: Turn | None, stack: AsyncExitStack
    ) -> Directive | None:
        """What the strategy wants around the request; unloads are done here, before it is sent."""
        ask = course.ask
        if turn is None:
            return None
        if turn.loads:
            await backend.look_shortly()
        self._numbers += 1
        access = Access(f"gateway-{self._numbers}", ask.name, self._clock_ns())
        directive = backend.cache.directive_for(access)

        def finished() -> None:
            ok = course.outcome == "ok"
            backend.cache.finished(access, Answer(self._clock_ns(), course.reading.load_ns, ok=ok))
            if ok and ask.kind != "embed":
                _learn_load(backend, course)

        stack.callback(finished)
        if turn.loads:
            course.load = load = backend.load_begins(ask.name, directive.unload_before)
            stack.callback(backend.load_ended, load)
        await make_room(backend.client, directive.unload_before, self._patience)
        return directive


def _tell(course: Course, refusal: Refusal) -> None:
    """What the client is told is what the request has come to."""
    course.outcome, course.status = refusal.why.label, refusal.why.status
    refusal.is_counted = True


def _learn_load(backend: Backend, course: Course) -> None:
    load_ns = course.reading.load_ns
    if load_ns is not None and load_ns >= RESIDENT_BELOW_NS and course.found == "cold":
        backend.memory.took(course.ask.name, load_ns)


def _refusal_of(error: OllamaError) -> Refusal:
    why = Why.HOST_SLOW if isinstance(error, HostTimeoutError) else Why.HOST_FAILED
    return Refusal(why, str(error), 1)
