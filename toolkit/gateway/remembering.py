"""Requests of a session: composed with its history before they are sent, and stored before they are acknowledged.

`Remembering` stands where a `Dispatcher` stands, and does nothing to a request without a session. Of one with a session
it waits for the turn, sends what is composed in place of the messages, and holds back the end of the answer (the last
line of a stream, or the whole document) until question and answer are on the disk. A request that comes again under its
key is given what was stored.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.config.scalars import canonical_model_name
from toolkit.errors import UsageError
from toolkit.gateway.context.composer import Wanted
from toolkit.gateway.context.room import answer_room, effective_context
from toolkit.gateway.deadline import seconds
from toolkit.gateway.http import as_json, cut_off_by
from toolkit.gateway.keys import ANYONE
from toolkit.gateway.reading import Reader
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.repeats import StoredReply, check_same, request_digest
from toolkit.gateway.sessions.database import SessionsError
from toolkit.gateway.sessions.records import Exchange, session_of_key
from toolkit.gateway.sessions.wire import calls_from_wire, message_data, messages_from, only_new
from toolkit.ollama.types import ChatMessage
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.prefix_cache import PrefillSpeeds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.context import Composition
    from toolkit.gateway.context.composer import Composer
    from toolkit.gateway.context.summariser import Summariser
    from toolkit.gateway.exchange import Course
    from toolkit.gateway.sessions import SessionStore, Turn

_OK = 200
_END = re.compile(rb'"done"\s*:\s*true')
"""In the last line of a stream, and nowhere else: inside a text the quotes are escaped."""
_END_BYTES = 24


class Reply(Protocol):
    """An answer whose head has come; see `toolkit.gateway.exchange`."""

    course: Course

    @property
    def status(self) -> int: ...  # noqa: D102 - as there

    @property
    def content_type(self) -> str: ...  # noqa: D102 - as there

    def chunks(self) -> AsyncIterator[bytes]: ...  # noqa: D102 - as there


class Asks(Protocol):
    """Asks a model; `Dispatcher` does, and `Remembering`."""

    def asks(self, ask: Ask) -> AbstractAsyncContextManager[Reply]:
        """Ask, and have the answer while the block runs. Raises Refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """Where it is kept, and what is made of it."""

    sessions: SessionStore
    composer: Composer
    summariser: Summariser


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests may wait for their sessions, and how long each (None: no limit)."""

    size: int = 512
    wait_ns: int | None = 600_000_000_000


class Remembering:
    """See the module. `options` are the config's, by model; `context_of` the context of a model that is in memory."""

    def __init__(
        self,
        inner: Asks,
        memory: Memory | None,
        options: Mapping[str, Mapping[str, Any]],
        context_of: Callable[[str], int | None],
        clock_ns: Callable[[], int],
        *,
        limits: Limits | None = None,
    ) -> None:
        self._inner = inner
        self._limits = limits or Limits()
        self._waiting = 0
        self._memory = memory
        self._options = {canonical_model_name(name): dict(given) for name, given in options.items()}
        self._context_of = context_of
        self._clock_ns = clock_ns
        self._speeds: dict[tuple[str | None, str], PrefillSpeeds] = {}

    @asynccontextmanager
    async def asks(self, ask: Ask) -> AsyncIterator[Reply]:
        """See `Asks`; the turn in the session ends with the block."""
        if ask.session is None or ask.kind != "chat" or ask.is_bare:
            async with self._inner.asks(ask) as reply:
                yield reply
            return
        if self._memory is None:
            raise Refusal(Why.BAD_REQUEST, "no sessions are kept here (gateway.sessions.file is null)")
        try:
            session_id = session_of_key(None if ask.caller == ANYONE.name else ask.caller, ask.session)
            async with self._turn(session_id, ask.request_key) as turn:
                if turn.answered is not None:
                    check_same(turn.answered.exchange, request_digest(ask))
                    yield StoredReply(ask, turn.answered.exchange)
                else:
                    async with self._taking_part(ask, turn) as reply:
                        yield reply
        except UsageError as error:
            raise Refusal(Why.BAD_REQUEST, str(error)) from error
        except SessionsError as error:
            raise Refusal(Why.STORE_FAILED, str(error), 1) from error

    @asynccontextmanager
    async def _turn(self, session_id: str, request_key: str | None) -> AsyncIterator[Turn]:
        """The session's turn. Those before it may take long, so the limits of the queue hold here, too."""
        memory, limits = self._memory, self._limits
        assert memory is not None  # noqa: S101 - `asks` has looked
        if self._waiting >= limits.size:
            raise Refusal(Why.QUEUE_FULL, f"{limits.size} requests wait for their sessions already; try again later", 1)
        async with AsyncExitStack() as stack:
            self._waiting += 1
            try:
                async with asyncio.timeout(seconds(limits.wait_ns)):
                    turn = await stack.enter_async_context(memory.sessions.turn(session_id, request_key))
            except TimeoutError:
                text = f"earlier requests of this session have taken {seconds(limits.wait_ns):g} s; try again later"
                raise Refusal(Why.WAITED_TOO_LONG, text, 1) from None
            finally:
                self._waiting -= 1
            yield turn

    @asynccontextmanager
    async def _taking_part(self, ask: Ask, turn: Turn) -> AsyncIterator[Reply]:
        memory, came_ns = self._memory, self._clock_ns()
        assert memory is not None  # noqa: S101 - `asks` has looked
        said = only_new(turn.history.messages, messages_from(ask.body.get("messages")))
        wanted = self._wanted(ask)
        composition = await memory.composer.compose(turn.history, said, wanted)
        sent = {**ask.body, "messages": list(map(message_data, composition.messages))}
        account = _Account(ask, turn, said, composition, came_ns, time.time_ns())
        ended: BaseException | None = None
        try:
            async with self._inner.asks(replace(ask, body=sent)) as reply:
                account.course = reply.course
                yield _Remembered(reply, account, self, wanted) if reply.status == _OK else reply
        except BaseException as error:
            ended = error
            raise
        finally:
            await turn.settled()  # the client may have left while its answer was being stored
            if turn.number is None and not account.failed:  # no end came, or nobody was there to read it
                with suppress(SessionsError):  # what went wrong first is what the client is told
                    await turn.record(account.unanswered(ended, self._clock_ns()))

    async def stored(self, account: _Account, wanted: Wanted) -> None:
        """Store an answer that has come to its end, learn from its counters, and offer its session for idle time."""
        memory = self._memory
        assert memory is not None  # noqa: S101 - `asks` has looked
        reading, report = account.reader.reading, account.composition.report
        ask, course = account.ask, account.course
        account.cached = self._cached(course, ask.name, reading.prompt_tokens, reading.prompt_ns, reading.load_ns)
        try:
            await account.turn.record(account.answered(self._clock_ns()))
        except SessionsError:
            account.failed = True
            raise
        memory.composer.learn(ask.name, report, reading.prompt_tokens, wanted.context_tokens)
        memory.summariser.offer(account.turn.history.session_id, report.window)

    def _cached(
        self, course: Course | None, model: str, tokens: int | None, prefill_ns: int | None, load_ns: int | None
    ) -> bool | None:
        speeds = self._speeds.setdefault((None if course is None else course.host, model), PrefillSpeeds())
        after_load = load_ns is not None and load_ns >= RESIDENT_BELOW_NS
        return speeds.is_cached(tokens, prefill_ns, after_load=after_load)

    def _wanted(self, ask: Ask) -> Wanted:
        own = ask.body.get("options")
        options = {**self._options.get(ask.name, {}), **(own if isinstance(own, dict) else {})}
        context_tokens = effective_context(asked=_count(options.get("num_ctx")), running=self._context_of(ask.name))
        assert self._memory is not None  # noqa: S101 - `asks` has looked
        answer_tokens = answer_room(
            context_tokens, self._memory.composer.section.answer_tokens, _count(options.get("num_predict"))
        )
        tools = ask.body.get("tools")
        return Wanted(ask.name, context_tokens, answer_tokens, json.dumps(tools) if tools else "")


@dataclass(slots=True)
class _Account:
    """What is known of one turn while it goes on."""

    ask: Ask
    turn: Turn
    said: tuple[ChatMessage, ...]
    composition: Composition
    came_ns: int
    started_ns: int
    course: Course | None = None
    cached: bool | None = None
    failed: bool = False
    reader: Reader = field(default_factory=lambda: Reader(texts=True))

    def answered(self, now_ns: int) -> Exchange:
        return self._exchange(now_ns)

    def unanswered(self, error: BaseException | None, now_ns: int) -> Exchange:
        """What came of an answer that did not come to its end."""
        if error is None:
            said = self.reader.reading.error or f"the host said {None if self.course is None else self.course.status}"
            return replace(self._exchange(now_ns), outcome="failed", error=said)
        if isinstance(error, Exception):
            return replace(self._exchange(now_ns), outcome="failed", error=str(error))
        cut = cut_off_by(error) if isinstance(error, asyncio.CancelledError) else None
        if cut is not None:
            return replace(self._exchange(now_ns), outcome="failed", error=cut.text)
        return replace(self._exchange(now_ns), outcome="cancelled", error="the client left")

    def _exchange(self, now_ns: int) -> Exchange:
        reading, course = self.reader.reading, self.course
        text, thinking = "".join(reading.text), "".join(reading.thinking)
        calls = calls_from_wire(reading.tool_calls)
        answer = ChatMessage("assistant", text, thinking or None, calls) if text or thinking or calls else None
        asked = self.ask.body.get("model")
        first_ns = None if course is None else course.first_ns
        return Exchange(
            said=self.said,
            answer=answer,
            model=self.ask.name,
            reason=self.ask.reason,
            started_ns=self.started_ns,
            model_asked=asked if isinstance(asked, str) else None,
            found=None if course is None else course.really,
            done_reason=reading.done_reason,
            prompt_tokens=reading.prompt_tokens,
            prompt_weight=self.composition.report.weight,
            prompt_cached=self.cached,
            answer_tokens=reading.answer_tokens,
            queue_ns=None if course is None else course.waited_ns,
            load_ns=reading.load_ns,
            first_token_ns=None if first_ns is None else first_ns - self.came_ns,
            total_ns=now_ns - self.came_ns,
            request_key=self.ask.request_key,
            request_digest=None if self.ask.request_key is None else request_digest(self.ask),
        )


class _Remembered:
    """A reply whose end is held back until it is stored."""

    def __init__(self, reply: Reply, account: _Account, memory: Remembering, wanted: Wanted) -> None:
        self._reply = reply
        self._account = account
        self._memory = memory
        self._wanted = wanted
        self.course = reply.course

    @property
    def status(self) -> int:
        """The host's status."""
        return self._reply.status

    @property
    def content_type(self) -> str:
        """The host's media type."""
        return self._reply.content_type

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, the end of it when it is stored."""
        held: list[bytes] = []
        before = b""
        async for chunk in self._reply.chunks():
            self._account.reader.feed(chunk)
            if held or _END.search(before + chunk):  # the mark may come in pieces
                held.append(chunk)
            else:
                yield chunk
            before = (before + chunk)[-_END_BYTES:]
        self._account.reader.end()
        if self._account.reader.reading.done and self.course.outcome == "ok":
            try:
                await self._memory.stored(self._account, self._wanted)
            except SessionsError as error:
                if not self._account.ask.streams:
                    raise Refusal(Why.STORE_FAILED, str(error), 1) from error
                held = [as_json({"error": str(error)}) + b"\n"]
        for chunk in held:
            yield chunk


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
