"""An answer on its way out, and how it ends when something goes wrong: in the form in which it began."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from toolkit.gateway.guard import answer_refusal, openai_error
from toolkit.gateway.http import as_json, piece
from toolkit.gateway.openai_out import event
from toolkit.ollama.wire import NDJSON

if TYPE_CHECKING:
    from starlette.types import Message, Send

    from toolkit.gateway.refusal import Refusal

_SSE = b"text/event-stream"
LAST_WORDS_S = 1.0
"""A client that does not read cannot be told anything; its connection is closed."""


class Outgoing:
    """Passes messages on, and knows what has gone out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._kind: bytes | None = None
        self._is_complete = False

    async def send(self, message: Message) -> None:
        """See ASGI."""
        if message["type"] == "http.response.start":
            self._kind = next((value for name, value in message["headers"] if name == b"content-type"), b"")
        elif not message.get("more_body"):
            self._is_complete = True
        await self._send(message)

    async def refuse(self, refusal: Refusal, *, openai: bool) -> None:
        """Say what went wrong: as a status, or as the last line or event of a stream that has begun.

        Of an answer that is complete there is nothing more to say. A document that has begun can only end before its
        end, with its connection.
        """
        if self._is_complete:
            return
        if self._kind is None:
            await answer_refusal(self._send, refusal, openai=openai)
            return
        last = _last_words(self._kind, refusal)
        if last is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await piece(self._send, last, more=False)


def _last_words(kind: bytes, refusal: Refusal) -> bytes | None:
    if kind.startswith(_SSE):
        error: dict[str, Any] = openai_error(refusal.why.status, refusal.text)
        return event(error)
    return as_json({"error": refusal.text}) + b"\n" if kind.startswith(NDJSON.encode()) else None
