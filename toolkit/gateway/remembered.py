"""One turn of a session while it goes on: what is known of it, and its answer, whose end waits until it is stored."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from toolkit.gateway.http import as_json, cut_off_by
from toolkit.gateway.reading import Reader
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.repeats import request_digest
from toolkit.gateway.sessions.database import SessionsError
from toolkit.gateway.sessions.records import Exchange
from toolkit.gateway.sessions.wire import calls_from_wire
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.context import ContextReport
    from toolkit.gateway.course import Course
    from toolkit.gateway.reply import Reply, Take
    from toolkit.gateway.sessions import Turn

_END: Final = re.compile(rb'"done"\s*:\s*true')
"""In the last line of a stream, and nowhere else: inside a text the quotes are escaped."""
_END_BYTES: Final = 24


@dataclass(slots=True)
class Account:
    """What is known of one turn while it goes on."""

    ask: Ask
    turn: Turn
    said: tuple[ChatMessage, ...]
    report: ContextReport
    came_ns: int
    started_ns: int
    course: Course | None = None
    cached: bool | None = None
    failed: bool = False
    reader: Reader = field(default_factory=lambda: Reader(texts=True))

    def answered(self, now_ns: int) -> Exchange:
        """What came of an answer that came to its end."""
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
            prompt_weight=self.report.weight,
            prompt_cached=self.cached,
            answer_tokens=reading.answer_tokens,
            queue_ns=None if course is None else course.waited_ns,
            load_ns=reading.load_ns,
            first_token_ns=None if first_ns is None else first_ns - self.came_ns,
            total_ns=now_ns - self.came_ns,
            request_key=self.ask.request_key,
            request_digest=None if self.ask.request_key is None else request_digest(self.ask),
        )


class Remembered:
    """A reply whose end is held back until it is stored; see `Reply`. `store` does that, and raises SessionsError."""

    def __init__(self, reply: Reply, account: Account, store: Callable[[Account], Awaitable[None]]) -> None:
        self._reply = reply
        self._account = account
        self._store = store
        self._held: list[bytes] = []
        self._before = b""
        self.course = reply.course

    @property
    def status(self) -> int:
        """See `Reply`."""
        return self._reply.status

    @property
    def content_type(self) -> str:
        """See `Reply`."""
        return self._reply.content_type

    def passing(self, take: Take) -> Take:
        """Hands on all but the end of the answer."""
        held, read = self._held, self._account.reader.feed

        def passing(chunk: bytes) -> bool | None:
            read(chunk)
            around = self._before + chunk
            self._before = around[-_END_BYTES:]
            if held or _END.search(around):  # the mark may come in pieces
                held.append(chunk)
                return None
            return take(chunk)

        return passing

    async def pour(self, take: Take) -> bool:
        """See `Reply`; the end of it comes when it is stored."""
        if not await self._reply.pour(self.passing(take)):
            return False
        await self._stored()
        for chunk in self._held:
            take(chunk)
        return True

    async def _stored(self) -> None:
        """Store what has come to its end; what is held back is then said, or that it could not be stored."""
        account = self._account
        account.reader.end()
        if not account.reader.reading.done or self.course.outcome != "ok":
            return
        try:
            await self._store(account)
        except SessionsError as error:
            if not account.ask.streams:
                raise Refusal(Why.STORE_FAILED, str(error), 1) from error
            self._held[:] = [as_json({"error": str(error)}) + b"\n"]
