"""Requests of a session: composed with its history before they are sent, and stored before they are acknowledged.

`Remembering` stands where a `Dispatcher` stands, and does nothing to a request without a session. Of one with a session
it waits for the turn, sends what is composed in place of the messages, and holds back the end of the answer (the last
line of a stream, or the whole document) until question and answer are on the disk. A request that comes again under its
key is given what was stored.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.gateway.by_model import OptionsByModel
from toolkit.gateway.context.composer import Wanted
from toolkit.gateway.context.room import answer_room, effective_context
from toolkit.gateway.deadline import seconds
from toolkit.gateway.keys import ANYONE
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.remembered import Account, Remembered
from toolkit.gateway.repeats import StoredReply, check_same, request_digest
from toolkit.gateway.reply import held
from toolkit.gateway.sessions.database import SessionsError
from toolkit.gateway.sessions.records import session_of_key
from toolkit.gateway.sessions.wire import message_data, messages_from, only_new
from toolkit.replay.live_record import RESIDENT_BELOW_NS
from toolkit.replay.prefix_cache import PrefillSpeeds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.context import ContextReport
    from toolkit.gateway.context.composer import Composer
    from toolkit.gateway.context.summariser import Summariser
    from toolkit.gateway.course import Course
    from toolkit.gateway.reply import Asks, Opened, Reply, Take
    from toolkit.gateway.sessions import SessionStore, Turn
    from toolkit.ollama.types import ChatMessage

_OK = 200


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
    """See the module. `options` are the config's, by model; `context_of` the context of a model that is in memory.

    `as_installed` gives a request the name that its model has on a host.
    """

    def __init__(
        self,
        inner: Asks,
        memory: Memory | None,
        options: Mapping[str, Mapping[str, Any]],
        context_of: Callable[[str], int | None],
        clock_ns: Callable[[], int],
        *,
        as_installed: Callable[[Ask], Ask] = lambda ask: ask,
        limits: Limits | None = None,
    ) -> None:
        self._inner = inner
        self._limits = limits or Limits()
        self._waiting = 0
        self._memory = memory
        self._options = OptionsByModel(options)
        self._as_installed = as_installed
        self._context_of = context_of
        self._clock_ns = clock_ns
        self._speeds: dict[tuple[str | None, str], PrefillSpeeds] = {}

    def asks(self, ask: Ask, opened: Opened = held) -> AbstractAsyncContextManager[Reply]:
        """See `Asks`; the turn in the session ends with the block."""
        if ask.session is None or ask.kind != "chat" or ask.is_bare:
            return self._inner.asks(ask, opened)
        return self._asks(self._as_installed(ask), ask.session, opened)

    @asynccontextmanager
    async def _asks(self, ask: Ask, session: str, opened: Opened) -> AsyncIterator[Reply]:
        if self._memory is None:
            raise Refusal(Why.BAD_REQUEST, "no sessions are kept here (gateway.sessions.file is null)")
        try:
            session_id = session_of_key(None if ask.caller == ANYONE.name else ask.caller, session)
            async with self._turn(session_id, ask.request_key) as turn:
                if turn.answered is not None:
                    check_same(turn.answered.exchange, request_digest(ask))
                    stored = StoredReply(ask, turn.answered.exchange)
                    opened(stored)
                    yield stored
                else:
                    async with self._taking_part(ask, turn, opened) as reply:
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
    async def _taking_part(self, ask: Ask, turn: Turn, opened: Opened) -> AsyncIterator[Reply]:
        memory, came_ns = self._memory, self._clock_ns()
        assert memory is not None  # noqa: S101 - `asks` has looked
        said = only_new(turn.history.messages, messages_from(ask.body.get("messages")))
        wanted = self._wanted(ask)
        messages, report = await self._composed(turn, said, wanted)
        sent = {**ask.body, "messages": messages}
        account = Account(ask, turn, said, report, came_ns, time.time_ns())
        ended: BaseException | None = None
        given: Reply | None = None

        def inner_opened(reply: Reply) -> Take | None:
            nonlocal given
            account.course = reply.course
            if reply.status != _OK:
                given = reply
                return opened(reply)
            given = remembered = Remembered(reply, account, partial(self._store, wanted))
            take = opened(remembered)
            return None if take is None else remembered.passing(take)

        try:
            async with self._inner.asks(replace(ask, body=sent), inner_opened):
                assert given is not None  # noqa: S101 - it was told before this block began
                yield given
        except BaseException as error:
            ended = error
            raise
        finally:
            await turn.settled()  # the client may have left while its answer was being stored
            if turn.number is None and not account.failed:  # no end came, or nobody was there to read it
                with suppress(SessionsError):  # what went wrong first is what the client is told
                    await turn.record(account.unanswered(ended, self._clock_ns()))

    async def _composed(
        self, turn: Turn, said: Sequence[ChatMessage], wanted: Wanted
    ) -> tuple[list[dict[str, Any]], ContextReport]:
        """The messages to send, and the account of them; the history is not needed any more."""
        assert self._memory is not None  # noqa: S101 - `asks` has looked
        composition = await self._memory.composer.compose(turn.history, said, wanted)
        turn.forget()
        return list(map(message_data, composition.messages)), composition.report

    async def _store(self, wanted: Wanted, account: Account) -> None:
        """Store an answer that has come to its end, learn from its counters, and offer its session for idle time."""
        memory = self._memory
        assert memory is not None  # noqa: S101 - `asks` has looked
        reading, report = account.reader.reading, account.report
        ask, course = account.ask, account.course
        account.cached = self._cached(course, ask.name, reading.prompt_tokens, reading.prompt_ns, reading.load_ns)
        try:
            await account.turn.record(account.answered(self._clock_ns()))
        except SessionsError:
            account.failed = True
            raise
        memory.composer.learn(ask.name, report, reading.prompt_tokens, wanted.context_tokens)
        memory.summariser.offer(account.turn.session_id, report.window)

    def _cached(
        self, course: Course | None, model: str, tokens: int | None, prefill_ns: int | None, load_ns: int | None
    ) -> bool | None:
        speeds = self._speeds.setdefault((None if course is None else course.host, model), PrefillSpeeds())
        after_load = load_ns is not None and load_ns >= RESIDENT_BELOW_NS
        return speeds.is_cached(tokens, prefill_ns, after_load=after_load)

    def _wanted(self, ask: Ask) -> Wanted:
        own = ask.body.get("options")
        options = {**self._options.of(ask.name), **(own if isinstance(own, dict) else {})}
        context_tokens = effective_context(asked=_count(options.get("num_ctx")), running=self._context_of(ask.name))
        assert self._memory is not None  # noqa: S101 - `asks` has looked
        answer_tokens = answer_room(
            context_tokens, self._memory.composer.section.answer_tokens, _count(options.get("num_predict"))
        )
        tools = ask.body.get("tools")
        return Wanted(ask.name, context_tokens, answer_tokens, json.dumps(tools) if tools else "")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
