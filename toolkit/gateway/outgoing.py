"""An answer on its way out, and how it ends when something goes wrong: in the form in which it began."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from toolkit.gateway.guard import answer_refusal, openai_error
from toolkit.gateway.http import as_json, piece, start_message
from toolkit.gateway.openai_out import event
from toolkit.ollama.wire import NDJSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Message, Send

    from toolkit.gateway.http import Client
    from toolkit.gateway.refusal import Refusal

_SSE = b"text/event-stream"
LAST_WORDS_S = 1.0
"""A client that does not read cannot be told anything; its connection is closed."""


class Outgoing:
    """Passes messages on, and knows what has gone out. `client` None: the server does not say whether sending waits."""

    def __init__(self, send: Send, client: Client | None = None) -> None:
        self._send = send
        self._client = client
        self._kind: bytes | None = None
        self._is_complete = False

    async def send(self, message: Message) -> None:
        """See ASGI."""
        if message["type"] == "http.response.start":
            self._kind = dict(message["headers"]).get(b"content-type", b"")
        elif not message.get("more_body"):
            self._is_complete = True
        await self._send(message)

    def offer(self, message: Message) -> bool:
        """Send a message here and now, without a task that waits; False, and nothing is sent, if that cannot be."""
        if self._client is None or not self._client.keeps_up:
            return False
        self._now(message)
        return True

    def offer_both(self, start: Message, first: Message) -> bool:
        """As `offer`: the head of an answer and its first piece, which go out in one go."""
        if self._client is None or not self._client.keeps_up:
            return False
        with self._client.at_once():
            self._now(start)
            self._now(first)
        return True

    def _now(self, message: Message) -> None:
        sending = self.send(message)
        try:
            sending.send(None)
        except StopIteration:
            return
        sending.close()
        raise RuntimeError("the server waits with a message though its client keeps up")

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


class Pieces:
    """The pieces of an answer on their way to the client: at once while it keeps up, else held until they are sent."""

    def __init__(self, out: Outgoing) -> None:
        self._out = out
        self._held: list[bytes] = []
        self.has_begun = False

    def under(self, status: int, content_type: str, headers: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """The head under which they go; the headers are asked for with the first piece."""
        self._start = status, content_type, headers

    def take(self, data: bytes) -> bool:
        """The next piece. True: it is held, and `catch_up` is to be awaited before there are more."""
        if not self._held and self._passes({"type": "http.response.body", "body": data, "more_body": True}):
            return False
        self._held.append(data)
        return True

    async def catch_up(self) -> None:
        """Send what is held; waits for a slow client."""
        await self._begin()
        if self._held:
            held, self._held = self._held, []
            await piece(self._out.send, b"".join(held))

    async def end(self, last: bytes = b"") -> None:
        """Send what is held, and the end."""
        await self._begin()
        held, self._held = self._held, []
        await piece(self._out.send, b"".join((*held, last)), more=False)

    def _passes(self, body: Message) -> bool:
        if self.has_begun:
            return self._out.offer(body)
        self.has_begun = self._out.offer_both(self._head(), body)
        return self.has_begun

    async def _begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            await self._out.send(self._head())

    def _head(self) -> Message:
        status, content_type, headers = self._start
        return start_message(status, content_type, headers())


def _last_words(kind: bytes, refusal: Refusal) -> bytes | None:
    if kind.startswith(_SSE):
        error: dict[str, Any] = openai_error(refusal.why.status, refusal.text)
        return event(error)
    return as_json({"error": refusal.text}) + b"\n" if kind.startswith(NDJSON.encode()) else None
