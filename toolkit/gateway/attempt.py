"""One request at one host: its turn, what the strategy wants around it, the way there, and all that is given back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cache.strategy import Access, Answer
from toolkit.gateway.reading import Reader
from toolkit.gateway.reply import HostReply
from toolkit.gateway.wording import body_of, expected, request_of
from toolkit.ollama.errors import OllamaError, UnreachableError
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.make_room import make_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.cache.strategy import Directive
    from toolkit.gateway.backend import Backend
    from toolkit.gateway.by_model import OptionsByModel
    from toolkit.gateway.course import Course
    from toolkit.gateway.gate import Turn
    from toolkit.gateway.loads import Load
    from toolkit.gateway.reply import Opened
    from toolkit.ollama.answer_stream import RelayStream
    from toolkit.replay.make_room import Patience

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Habits:
    """What holds for every request. `options` are the config's."""

    options: OptionsByModel
    clock_ns: Callable[[], int]
    patience: Patience


class Attempt:
    """See the module: `begin`, read the reply, and in any case `leave`, which gives back whatever has been taken."""

    def __init__(self, backend: Backend, course: Course, habits: Habits) -> None:
        self._backend = backend
        self._course = course
        self._habits = habits
        self._turn: Turn | None = None
        self._access: Access | None = None
        self._load: Load | None = None
        self._stream: RelayStream | None = None
        self._looks_after = False

    async def begin(self, number: int, opened: Opened) -> HostReply:
        """Wait for the turn, send, and wait for the head of the answer. `number` is this attempt's alone.

        `opened` is not kept here: it knows the reply, and the reply this, and a circle lives until the next collection.

        Raises:
            Refusal: the turn has not come.
            OllamaError: the host has failed.
        """
        course, backend, ask = self._course, self._backend, self._course.ask
        course.host, course.load = backend.name, None
        turn = await self._wait_for_turn()
        directive = None if turn is None else await self._prepare(turn, number)
        body = body_of(ask, self._habits.options.of(ask.name), directive)
        self._looks_after = ask.leaves_after
        course.found = expected(backend, ask.name, body, turn)
        request = request_of(ask.path, body)
        reader = Reader(course.reading, texts=ask.texts)  # of an attempt before this one nothing was read
        course.sent_ns = self._habits.clock_ns()
        backend.breaker.tries()
        backend.was_used = True
        reply = HostReply(course, reader, turn, clock_ns=self._habits.clock_ns, is_there=self._is_there, opened=opened)
        stream = self._stream = backend.client.stream_relay(request, ask.model, opened=reply.head_came)
        reply.comes_by(stream)
        await self._send(stream, turn)
        return reply

    async def leave(self) -> None:
        """It is over, or not wanted any more: the connection is closed if there is more to come."""
        try:
            if self._stream is not None:
                await self._stream.aclose()
            if self._looks_after:
                await self._backend.look_shortly()
        finally:
            if self._load is not None:
                self._backend.load_ended(self._load)
            if self._access is not None:
                self._report(self._access)
            if self._turn is not None:
                self._turn.end()

    async def _wait_for_turn(self) -> Turn | None:
        """None if it needs none. Raises UnreachableError if the host has failed others meanwhile."""
        ask, backend = self._course.ask, self._backend
        if ask.is_unload or not backend.has(ask.name):
            return None
        await backend.look_if_old()
        turn = self._turn = await backend.gate.turn(ask.name, ask.priority)
        self._course.waited_ns = turn.waited_ns
        left_ns = backend.breaker.left_ns(self._habits.clock_ns())
        if left_ns:
            raise UnreachableError(f"host {backend.name} has failed and is left alone for {left_ns / NS_PER_S:.1f} s")
        return turn

    async def _prepare(self, turn: Turn, number: int) -> Directive:
        """What the strategy wants around the request; unloads are done here, before it is sent."""
        ask, backend = self._course.ask, self._backend
        if turn.loads:
            await backend.look_shortly()
        access = Access(f"gateway-{number}", ask.name, self._habits.clock_ns())
        directive = backend.cache.directive_for(access)
        self._access = access
        if turn.loads:
            self._course.load = self._load = backend.load_begins(ask.name, directive.unload_before)
        if directive.unload_before:
            await make_room(backend.client, directive.unload_before, self._habits.patience)
        return directive

    async def _send(self, stream: RelayStream, turn: Turn | None) -> None:
        backend, watch = self._backend, None
        if turn is not None and turn.loads:
            watch = asyncio.create_task(backend.watch_load(self._course.ask.name, turn.is_there))
        try:
            await stream.__aenter__()
        except OllamaError:
            backend.breaker.failed(self._habits.clock_ns())
            raise
        except BaseException:
            backend.breaker.gave_up()
            raise
        finally:
            if watch is not None:  # until the head of the answer has come: others wait to hear that the model is there
                watch.cancel()
        backend.breaker.worked()

    def _is_there(self) -> None:
        """Its model is in memory: it answers."""
        turn, backend, name = self._turn, self._backend, self._course.ask.name
        if turn is None:
            return
        load = self._course.load
        if load is None and name in backend.gate.loads:  # it was believed in memory, and was not
            load = backend.load_begins(name)
        if load is not None:
            backend.load_ended(load)
        turn.is_there()

    def _report(self, access: Access) -> None:
        """The strategy, and what is known of loads, hear how it went."""
        course, backend = self._course, self._backend
        ok, load_ns = course.outcome == "ok", course.reading.load_ns
        backend.cache.finished(access, Answer(self._habits.clock_ns(), load_ns, ok=ok))
        is_load = load_ns is not None and load_ns >= RESIDENT_BELOW_NS and course.found == "cold"
        if ok and course.ask.kind != "embed" and is_load:
            backend.memory.took(course.ask.name, load_ns or 0)
