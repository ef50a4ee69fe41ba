"""One request to a model, from its place in the queue to the last byte of its answer.

    async with dispatcher.asks(ask) as answer:      # waits for its turn, sends, and waits for the head of the answer
        … answer.status, answer.cache …
        async for chunk in answer.chunks(): …       # at the reader's pace

A host that cannot be reached, or that refuses because it is full, is replaced by another one that has the model, as
long as nothing of an answer has come. Leaving the block early closes the connection, and the host stops working.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from toolkit.cache.strategy import Access, Answer
from toolkit.config.scalars import canonical_model_name
from toolkit.gateway.http import cut_off_by
from toolkit.gateway.reading import Reader, Reading, WholeLines
from toolkit.gateway.refusal import Refusal, Why
from toolkit.ollama.errors import ConnectTimeoutError, HostTimeoutError, OllamaError, StreamBrokeError, UnreachableError
from toolkit.ollama.keep_alive import encode_keep_alive
from toolkit.ollama.wire import JSON, NDJSON, WireRequest
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.make_room import Patience, make_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from toolkit.cache.strategy import Directive
    from toolkit.gateway.ask import Ask
    from toolkit.gateway.backend import Backend
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.gate import Turn
    from toolkit.gateway.loads import Load
    from toolkit.ollama.answer_stream import RelayStream

Found = Literal["hit", "cold", "reload"]
NS_PER_S = 1_000_000_000
_OK = 200
_BUSY = 503
_HEADERS = (("content-type", JSON), ("accept", f"{NDJSON}, {JSON}"))
_RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
"""A difference in one of these loads a model anew."""


@dataclass(slots=True)
class Course:
    """How a request went; times are the monotonic clock's, None for what has not happened. Filled as it goes.

    `replayed`: no host was asked; the answer was stored when the same request came before.
    """

    ask: Ask
    came_ns: int
    host: str | None = None
    waited_ns: int | None = None
    sent_ns: int | None = None
    first_ns: int | None = None
    done_ns: int | None = None
    status: int | None = None
    found: Found | None = None
    outcome: str = "left"
    replayed: bool = False
    load: Load | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def really(self) -> Found | None:
        """How the model was found by the answer's own counter, where it has one."""
        load_ns = self.reading.load_ns
        if load_ns is None or self.found is None:
            return self.found
        if load_ns < RESIDENT_BELOW_NS:
            return "hit"
        return "cold" if self.found == "hit" else self.found


class Reply:
    """An answer whose head has come."""

    def __init__(
        self,
        stream: RelayStream,
        course: Course,
        reader: Reader,
        turn: Turn | None,
        *,
        clock_ns: Callable[[], int],
        is_there: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._is_there = is_there
        self._reader = reader
        self._turn = turn
        self._clock_ns = clock_ns
        self.course = course

    @property
    def status(self) -> int:
        """The host's status."""
        return self._stream.status

    @property
    def content_type(self) -> str:
        """The host's media type."""
        return self._stream.content_type

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, whole lines only.

        Raises:
            OllamaError: the answer does not reach its end; half a line before that is not passed on.
        """
        course, turn = self.course, self._turn
        lines = WholeLines()
        try:
            async for chunk in self._stream:
                if course.first_ns is None:
                    course.first_ns = self._clock_ns()
                    if self.status == _OK:
                        self._is_there()
                self._reader.feed(chunk)
                if whole := lines.feed(chunk):
                    yield whole
            self._reader.end()
            self._check_end()
        except OllamaError:
            course.outcome = Why.HOST_FAILED.label
            raise
        if rest := lines.rest():
            yield rest
        reading = course.reading
        course.outcome = "ok" if self.status == _OK and reading.error is None else "error"
        if turn is not None:
            turn.answered = course.outcome == "ok"

    def _check_end(self) -> None:
        """A host, or a proxy before it, can end an answer as if it were complete. Raises StreamBrokeError."""
        reading, ask = self.course.reading, self.course.ask
        if reading.error is not None or (self.status != _OK and not self.content_type.startswith((JSON, NDJSON))):
            return
        has_end = self.status != _OK or reading.done or ask.kind == "embed" or self._reader.is_too_long
        if self._reader.is_cut or not has_end:
            where = f"host {self.course.host}: POST {ask.path} ({ask.model})"
            raise StreamBrokeError(f"{where} ended before its answer was complete; look into the server's log")


class Notes(Protocol):
    """Who is told of each request when it comes, and when it is over."""

    def began(self) -> None:
        """A request has come."""
        ...

    def ended(self, course: Course) -> None:
        """It is over."""
        ...


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
    async def asks(self, ask: Ask) -> AsyncIterator[Reply]:
        """Ask, and have the answer while the block runs.

        Raises:
            Refusal: the gateway or the host cannot take the request.
        """
        course = Course(ask, self._clock_ns())
        self._ledger.began()
        try:
            async with AsyncExitStack() as stack:
                yield await self._first_that_answers(course, stack)
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

    async def _first_that_answers(self, course: Course, outer: AsyncExitStack) -> Reply:
        """One host after the other, each once."""
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
                reply = await self._sent(backend, course, stack)
            except OllamaError as error:
                await stack.aclose()
                refusal = _refusal_of(error)
                if not isinstance(error, UnreachableError | ConnectTimeoutError | StreamBrokeError):
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
            outer.push_async_exit(stack)
            course.status = reply.status
            return reply

    def _others(self, tried: Mapping[str, Refusal], backend: Backend) -> bool:
        return len(tried) + 1 < len(self._fleet.backends) and backend.name not in tried

    async def _sent(self, backend: Backend, course: Course, stack: AsyncExitStack) -> Reply:
        """Wait for the turn, send, and wait for the head of the answer."""
        ask = course.ask
        course.host, course.load = backend.name, None
        turn = None
        if not ask.is_unload and backend.has(ask.name):
            await backend.look_if_old()
            turn = await stack.enter_async_context(backend.gate.turn(ask.name, ask.priority))
            course.waited_ns = turn.waited_ns
            left_ns = backend.breaker.left_ns(self._clock_ns())
            if left_ns:  # it has failed others meanwhile
                raise UnreachableError(
                    f"host {backend.name} has failed and is left alone for {left_ns / NS_PER_S:.1f} s"
                )
        directive = await self._prepared(backend, course, turn, stack)
        body = self._body(ask, directive)
        if ask.leaves_after:
            stack.push_async_callback(backend.look)
        course.found = _expected(backend, ask, body, turn)
        request = WireRequest("POST", ask.path, _HEADERS, _encoded(body))
        reader = Reader(texts=ask.texts)
        course.reading = reader.reading
        course.sent_ns = self._clock_ns()
        backend.breaker.tries()
        backend.was_used = True
        stream = backend.client.stream_relay(request, ask.model)
        try:
            async with _watching(backend, ask.name, turn):
                await stack.enter_async_context(stream)
        except OllamaError:
            backend.breaker.failed(self._clock_ns())
            raise
        except BaseException:
            backend.breaker.gave_up()
            raise
        backend.breaker.worked()

        def is_there() -> None:
            if turn is None:
                return
            load = course.load
            if load is None and ask.name in backend.gate.loads:  # it was believed in memory, and was not
                load = backend.load_begins(ask.name)
            if load is not None:
                backend.load_ended(load)
            turn.is_there()

        return Reply(stream, course, reader, turn, clock_ns=self._clock_ns, is_there=is_there)

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

    def _body(self, ask: Ask, directive: Directive | None) -> dict[str, Any]:
        """The client's body with the model, the config's options below its own, and a keep_alive if it has none."""
        body = {**ask.body, "model": ask.model}
        given = body.get("options")
        known = self._options.get(ask.name)
        if known and (given is None or isinstance(given, dict)):
            body["options"] = {**known, **(given or {})}
        if body.get("keep_alive") is None and directive is not None and directive.keep_alive_ns is not None:
            body["keep_alive"] = encode_keep_alive(directive.keep_alive_ns)
        return body


@asynccontextmanager
async def _watching(backend: Backend, model: str, turn: Turn | None) -> AsyncIterator[None]:
    """Until the head of the answer has come, see when the model that was to be loaded is there: others wait for it."""
    if turn is None or not turn.loads:
        yield
        return
    watch = asyncio.create_task(backend.watch_load(model, turn.is_there))
    try:
        yield
    finally:
        watch.cancel()


def _expected(backend: Backend, ask: Ask, body: Mapping[str, Any], turn: Turn | None) -> Found | None:
    """How the model will be found, as far as one knows before the answer."""
    if turn is None:
        return None
    options = body.get("options")
    asked = {name: options[name] for name in _RUNNER_OPTIONS if name in options} if isinstance(options, dict) else {}
    before = backend.last_options.get(ask.name)
    backend.last_options[ask.name] = asked
    if turn.loads:
        return "cold"
    return "hit" if before is None or before == asked else "reload"


def _tell(course: Course, refusal: Refusal) -> None:
    """What the client is told is what the request has come to."""
    course.outcome, course.status = refusal.why.label, refusal.why.status
    refusal.is_counted = True


def _learn_load(backend: Backend, course: Course) -> None:
    load_ns = course.reading.load_ns
    if load_ns is not None and load_ns >= RESIDENT_BELOW_NS and course.found == "cold":
        backend.memory.took(course.ask.name, load_ns)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:  # half a character, which JSON can escape and UTF-8 cannot carry
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise Refusal(Why.BAD_REQUEST, "NaN and infinity are no JSON") from None


def _refusal_of(error: OllamaError) -> Refusal:
    why = Why.HOST_SLOW if isinstance(error, HostTimeoutError) else Why.HOST_FAILED
    return Refusal(why, str(error), 1)
