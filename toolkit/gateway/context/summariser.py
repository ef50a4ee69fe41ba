"""Writes summaries (and vectors) when nothing else is to be done. Never on the path of an answer.

Whoever composed offers the session with its report; whoever knows when the host is idle calls `work_once`. A call that
is cancelled, because a request has come, loses nothing: the work is offered again with the next answer.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from toolkit.gateway.context.summary import due, request_for
from toolkit.gateway.sessions.records import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gateway.context.composer import Composer
    from toolkit.gateway.context.parts import WindowReport
    from toolkit.gateway.sessions import SessionStore
    from toolkit.ollama.types import ChatMessage

MOST_WAITING = 256
"""Sessions that wait; the one that was offered first is forgotten first, and offered again with its next answer."""
EMBEDDED_AT_ONCE = 32


class Writer(Protocol):
    """Has a text written by the fast model, at the lowest priority."""

    model: str

    @property
    def room_tokens(self) -> int:
        """What its prompt may have, the answer's room taken off."""
        ...

    async def write(self, messages: Sequence[ChatMessage], most_tokens: int) -> str:
        """The answer's text. Raises HotswapError if there is none."""
        ...


class Summariser:
    """The work that waits, and how it is done. One event loop."""

    def __init__(self, sessions: SessionStore, composer: Composer, writer: Writer | None) -> None:
        self._sessions = sessions
        self._composer = composer
        self._writer = writer
        self._waiting: OrderedDict[str, WindowReport] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many sessions have something to be done, perhaps."""
        return len(self._waiting)

    def offer(self, session_id: str, window: WindowReport) -> None:
        """Say that a session was answered; what is to be done about it is found out later."""
        self._waiting[session_id] = window
        self._waiting.move_to_end(session_id)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)

    async def work_once(self) -> bool:
        """Do one piece of work, of the session that was offered last; False if there is none left.

        Raises:
            HotswapError: it could not be done; the session is forgotten until it is offered again.
        """
        if not self._waiting:
            return False
        session_id, window = self._waiting.popitem()
        if await self._summarised(session_id, window):
            self._waiting.setdefault(session_id, window)  # there may be more to tell, or vectors to make
        elif await self._composer.embed_session(session_id, EMBEDDED_AT_ONCE) == EMBEDDED_AT_ONCE:
            self._waiting.setdefault(session_id, window)
        return True

    async def _summarised(self, session_id: str, window: WindowReport) -> bool:
        if self._writer is None or not self._composer.section.summarise or not self._composer.section.summary_tokens:
            return False
        job = due(await self._sessions.history(session_id), window)
        if job is None:
            return False
        most_tokens = self._composer.section.summary_tokens
        capacity = self._composer.book.of(self._writer.model).capacity(self._writer.room_tokens)
        asked = request_for(job, capacity, most_tokens)
        if asked is None:
            return False
        job, messages = asked
        text = (await self._writer.write(messages, most_tokens)).strip()
        if not text:
            return False
        summary = Summary(job.through, text, self._writer.model, self._sessions.now_ns())
        return await self._sessions.add_summary(session_id, summary)
