"""One question from its route to its answer. Everything here runs on the one loop that owns the connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from toolkit.cache.strategy import Access, Answer, HostView, LoadedModel
from toolkit.config.scalars import canonical_model_name
from toolkit.errors import InputError
from toolkit.llm.parts import LLMAnswer, Route
from toolkit.ollama.errors import OllamaError
from toolkit.ollama.types import ChatRequest
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.make_room import make_room

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from toolkit.cache.strategy import Directive
    from toolkit.llm.parts import Cache, Host, Question
    from toolkit.llm.usage import End, UsageMeter
    from toolkit.ollama.answer_stream import AnswerStream
    from toolkit.ollama.types import ChatAnswer, StreamEvent
    from toolkit.replay.dispatch import RoutesText
    from toolkit.replay.make_room import Patience

NS_PER_S = 1_000_000_000
PS_EVERY_NS = NS_PER_S
"""How old a look at `/api/ps` may be when a directive is asked for."""
PS_WAIT_S = 1.0
"""How long a question waits for a fresh look; after that it goes with what is believed."""


class Engine:
    """What all turns of one client share: the parts, the questions that wait, the last look at the host."""

    def __init__(
        self,
        host: Host,
        router: RoutesText,
        cache: Cache,
        meter: UsageMeter,
        *,
        options: Mapping[str, Mapping[str, Any]],
        patience: Patience,
        clock_ns: Callable[[], int],
    ) -> None:
        self.host = host
        self.cache = cache
        self.meter = meter
        self.patience = patience
        self.clock_ns = clock_ns
        self.waiting: Counter[str] = Counter()  # model → questions that were sent and whose answer has not begun
        self._router = router
        self._options = {canonical_model_name(model): dict(values) for model, values in options.items()}
        self._numbers = 0
        self._look: asyncio.Task[None] | None = None
        self._looked_ns: int | None = None
        self._background: set[asyncio.Task[None]] = set()

    def route(self, question: Question) -> Route:
        """The named model, or the router's choice by the last user message.

        Raises:
            InputError: there is nothing to answer, or nothing to route by.
        """
        if not question.messages:
            raise InputError("there is no message to answer; give a text or at least one message")
        if question.model is not None:
            return Route(question.model, "asked for by name", None)
        said = next((message.content for message in reversed(question.messages) if message.role == "user"), None)
        if said is None:
            raise InputError("there is no user message to choose a model by; add one, or name the model")
        decision = self._router.route(said)
        return Route(decision.model, decision.reason, decision.rule)

    def access(self, model: str) -> Access:
        """A new access to a model, now, under the name that `/api/ps` will show."""
        self._numbers += 1
        return Access(f"llm-{self._numbers}", canonical_model_name(model), self.clock_ns())

    def options_of(self, model: str, asked: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The config's options for a model, with those of the question over them."""
        return {**self._options.get(canonical_model_name(model), {}), **(asked or {})}

    async def look(self) -> None:
        """Have the cache's belief checked against `/api/ps`, unless that was done a moment ago.

        Concurrent questions share one look, and wait for it only so long: a host that is slow to list its models must
        not keep a question that it could answer.
        """
        now_ns = self.clock_ns()
        if self._look is None and self._looked_ns is not None and now_ns - self._looked_ns < PS_EVERY_NS:
            return
        if self._look is None:
            self._look = self.spawn(self._reconcile(now_ns))
        await asyncio.wait({self._look}, timeout=PS_WAIT_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something run beside the questions until the client is closed."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def settled(self) -> None:
        """Wait for everything that runs beside the questions."""
        while self._background:
            await asyncio.wait(self._background)

    async def preload(self, models: tuple[str, ...]) -> None:
        """Load models one after the other; a failure is counted and stops nobody."""
        for model in models:
            try:
                await self.host.load(model, options=self.options_of(model) or None)
            except OllamaError:
                self.meter.preloaded(canonical_model_name(model), ok=False)
            else:
                self.meter.preloaded(canonical_model_name(model), ok=True)

    async def _reconcile(self, seen_ns: int) -> None:
        try:
            rows = await self.host.ps()
        except OllamaError:  # the question itself will tell what is wrong with the host
            return
        finally:
            self._look = None
            self._looked_ns = self.clock_ns()
        # `expires_at` is on the host's wall clock, which may differ from ours by anything, so it counts as not known.
        loaded = tuple(LoadedModel(row.name, row.digest, row.vram_bytes, row.size_bytes, None) for row in rows)
        self.cache.reconcile(HostView(loaded, ()), seen_ns)


class Turn:
    """One question: `open`, then `next_event` until None or `finish`, then `close`, which must always come."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self._engine = engine
        self._question = question
        self._route = engine.route(question)
        self._access: Access | None = None
        self._directive: Directive | None = None
        self._stream: AnswerStream[ChatAnswer] | None = None
        self._is_waiting = False
        self._joins = False
        self._found: End | None = None
        self._end: End = "cancelled"

    @property
    def route(self) -> Route:
        """Where the question goes, and why; known from the start."""
        return self._route

    @property
    def answer(self) -> LLMAnswer:
        """The finished answer. Raises RuntimeError if the stream was not read to its end."""
        if self._stream is None or self._directive is None:
            raise RuntimeError("the answer is not finished: read the stream to its end first")
        answer = self._stream.answer
        return LLMAnswer(answer, self._route, self._directive, self._found or self._how_found(answer))

    async def open(self) -> None:
        """Choose the model, ask the strategy, make room, send."""
        engine = self._engine
        await engine.look()
        access = engine.access(self._route.model)
        directive = engine.cache.directive_for(access)
        self._access, self._directive = access, directive
        engine.meter.started(access.model)
        self._joins = engine.waiting[access.model] > 0
        self._is_waiting = True
        engine.waiting[access.model] += 1
        try:
            await make_room(engine.host, directive.unload_before, engine.patience)
            stream = engine.host.stream_chat(self._request(directive))
            await stream.__aenter__()
        except BaseException as error:
            self._failed(error)
            self._settle(None)
            raise
        self._stream = stream

    async def next_event(self) -> StreamEvent | None:
        """The next event, None after the last."""
        if self._stream is None:
            raise RuntimeError("enter the stream with `async with` before reading it")
        try:
            event = await anext(self._stream, None)
        except BaseException as error:
            self._failed(error)
            raise
        self._waits_no_more()
        return event

    async def close(self) -> None:
        """Let go of the connection, and report how it ended. Can be called again."""
        stream = self._stream
        try:
            if stream is not None:
                await stream.aclose()
        finally:
            self._settle(stream)

    def _request(self, directive: Directive) -> ChatRequest:
        question = self._question
        return ChatRequest(
            self._route.model,
            tuple(question.messages),
            keep_alive_ns=directive.keep_alive_ns,
            options=self._engine.options_of(self._route.model, question.options) or None,
            think=question.think,
            format=question.format,
            tools=question.tools,
        )

    def _waits_no_more(self) -> None:
        """The answer has begun, so the model is there: who comes now does not join a load. Or the question is over."""
        if self._is_waiting and self._access is not None:
            self._is_waiting = False
            self._engine.waiting[self._access.model] -= 1

    def _failed(self, error: BaseException) -> None:
        self._end = "cancelled" if isinstance(error, asyncio.CancelledError) else "errors"

    def _how_found(self, answer: ChatAnswer) -> End:
        if (answer.counters.load_ns or 0) < RESIDENT_BELOW_NS:
            return "hits"
        return "joined" if self._joins else "loads"

    def _settle(self, stream: AnswerStream[ChatAnswer] | None) -> None:
        """Report the end once, to the cache and to the meter."""
        access, directive, engine = self._access, self._directive, self._engine
        if access is None or directive is None:
            return
        self._waits_no_more()
        self._access = None
        answer = stream.answer if stream is not None and stream.is_done else None
        if answer is not None:
            self._end = self._found = self._how_found(answer)
        load_ns = None if answer is None else answer.counters.load_ns
        engine.cache.finished(access, Answer(engine.clock_ns(), load_ns, ok=answer is not None))
        engine.meter.ended(access.model, self._end, None if answer is None else answer.counters)
        if answer is not None and directive.preload_after:
            engine.spawn(engine.preload(directive.preload_after))
