"""The endpoints for OpenAI's clients: completions of chats and of texts, and embeddings, by Ollama's own API."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.gateway.ask import BY_NAME, Ask, choose_model, last_user_text, priority_of, session_of
from toolkit.gateway.guard import openai_error
from toolkit.gateway.http import whole_json
from toolkit.gateway.native import answer_headers
from toolkit.gateway.openai_in import native_chat, wants_usage
from toolkit.gateway.openai_out import ChatChunks, embeddings, event, whole_chat
from toolkit.gateway.openai_text import TextChunks, native_generate, whole_text
from toolkit.gateway.outgoing import Pieces
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.repeats import request_key_of
from toolkit.gateway.reply import whole_body
from toolkit.ollama.errors import OllamaError
from toolkit.ollama.failures import message_of
from toolkit.ollama.ndjson import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from toolkit.gateway.keys import Caller
    from toolkit.gateway.outgoing import Outgoing
    from toolkit.gateway.reply import Asks, Reply, Take
    from toolkit.routing.router import Router

_OK = 200
_SSE = "text/event-stream"


class ChatCompletions:
    """`POST /v1/chat/completions`. `wall_s` gives Unix time in seconds."""

    def __init__(self, router: Router, dispatcher: Asks, wall_s: Callable[[], int], *, texts: bool) -> None:
        self._router = router
        self._dispatcher = dispatcher
        self._wall_s = wall_s
        self._texts = texts

    async def answer(self, body: dict[str, Any], headers: Mapping[str, str], caller: Caller, out: Outgoing) -> None:
        """Answer one request. Raises Refusal where nothing of the answer was sent."""
        native = native_chat(body)
        model, reason = choose_model(body.get("model"), last_user_text(body.get("messages")), self._router)
        priority = priority_of(headers.get("x-hotswap-priority"))
        session = session_of(body, headers)
        ask = Ask(
            "chat",
            "/api/chat",
            native,
            model,
            reason,
            caller=caller.name,
            priority=priority,
            session=session,
            request_key=request_key_of(body, headers, "chat", session),
            endpoint="/v1/chat/completions",
            texts=self._texts,
        )
        completion_id = f"chatcmpl-{uuid.uuid4().hex}"
        if native["stream"]:
            with_usage = wants_usage(body)
            await _stream(
                self._dispatcher,
                ask,
                lambda: ChatChunks(completion_id, self._wall_s(), ask.model, with_usage=with_usage),
                out,
            )
            return
        await _whole(self._dispatcher, ask, lambda record: whole_chat(record, completion_id, self._wall_s()), out)


class Completions:
    """`POST /v1/completions`. `wall_s` gives Unix time in seconds."""

    def __init__(self, router: Router, dispatcher: Asks, wall_s: Callable[[], int], *, texts: bool) -> None:
        self._router = router
        self._dispatcher = dispatcher
        self._wall_s = wall_s
        self._texts = texts

    async def answer(self, body: dict[str, Any], headers: Mapping[str, str], caller: Caller, out: Outgoing) -> None:
        """Answer one request. Raises Refusal where nothing of the answer was sent."""
        native = native_generate(body)
        model, reason = choose_model(body.get("model"), native["prompt"] or None, self._router)
        ask = Ask(
            "generate",
            "/api/generate",
            native,
            model,
            reason,
            caller=caller.name,
            priority=priority_of(headers.get("x-hotswap-priority")),
            endpoint="/v1/completions",
            texts=self._texts,
        )
        completion_id, with_usage = f"cmpl-{uuid.uuid4().hex}", wants_usage(body)
        if native["stream"]:
            await _stream(
                self._dispatcher,
                ask,
                lambda: TextChunks(completion_id, self._wall_s(), ask.model, with_usage=with_usage),
                out,
            )
            return
        await _whole(self._dispatcher, ask, lambda record: whole_text(record, completion_id, self._wall_s()), out)


class Embeddings:
    """`POST /v1/embeddings`."""

    def __init__(self, dispatcher: Asks) -> None:
        self._dispatcher = dispatcher

    async def answer(self, body: dict[str, Any], headers: Mapping[str, str], caller: Caller, out: Outgoing) -> None:
        """Answer one request."""
        model, wanted = body.get("model"), body.get("encoding_format", "float")
        if not isinstance(model, str) or not model:
            raise Refusal(Why.BAD_REQUEST, "model: name the embedding model")
        if wanted not in {"float", "base64"}:
            raise Refusal(Why.BAD_REQUEST, "encoding_format: float or base64")
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not texts:
            raise Refusal(Why.BAD_REQUEST, "input: a text, or a list of texts")
        native = {"input": texts}
        native.update((name, body[name]) for name in ("dimensions", "keep_alive", "options") if name in body)
        priority = priority_of(headers.get("x-hotswap-priority"))
        ask = Ask("embed", "/api/embed", native, model, BY_NAME, caller.name, priority, endpoint="/v1/embeddings")
        await _whole(self._dispatcher, ask, lambda record: embeddings(record, model, as_base64=wanted == "base64"), out)


async def _whole(
    dispatcher: Asks, ask: Ask, translated: Callable[[dict[str, Any]], dict[str, Any]], out: Outgoing
) -> None:
    """The host's whole answer, translated; where it is none, what the host says of that."""
    async with dispatcher.asks(ask) as reply:
        if reply.status != _OK:
            await _pass_on_error(reply, out)
            return
        record = await _document(reply)
        _raise_error(record)
        await whole_json(out.send, _OK, translated(record), answer_headers(reply))


class _Chunks(Protocol):
    """Makes events of the lines of an answer."""

    def of(self, record: Mapping[str, Any], /) -> Iterable[bytes]:
        """The events for one line."""
        ...


async def _stream(dispatcher: Asks, ask: Ask, chunks: Callable[[], _Chunks], out: Outgoing) -> None:
    """Server-sent events, as the lines come; what breaks in the middle is an event with an error."""
    pieces = Pieces(out)
    events = _Events(pieces)

    def opened(reply: Reply) -> Take | None:
        if reply.status != _OK:
            return None
        events.as_chunks(chunks())
        pieces.under(_OK, _SSE, lambda: [*answer_headers(reply), ("cache-control", "no-cache")])
        return events.take

    async with dispatcher.asks(ask, opened) as reply:
        if reply.status != _OK:
            await _pass_on_error(reply, out)
            return
        try:
            while not await reply.pour(events.take):
                await pieces.catch_up()
            events.end()
        except (OllamaError, Refusal) as error:
            if not pieces.has_begun:
                raise
            await pieces.end(event(openai_error(502 if events.failed is None else 500, str(error))))
            return
        await pieces.end()


class _Events:
    """The lines of a streamed answer as events, up to one that says what went wrong.

    Raises Refusal for what is no answer.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._lines = LineSplitter()
        self._is_empty = True
        self.failed: str | None = None
        """What the host said went wrong in the middle."""

    def as_chunks(self, chunks: _Chunks) -> None:
        """What the lines become."""
        self._chunks = chunks

    def take(self, data: bytes) -> bool:
        """See `Reply.pour`."""
        return any([self._take(line) for line in self._lines.feed(data) if line.strip()])  # noqa: C419 - all are taken

    def end(self) -> None:
        """All has come."""
        rest = self._lines.rest()
        if rest.strip():
            self._take(rest)
        if self.failed is not None or self._is_empty:
            raise Refusal(Why.HOST_FAILED, self.failed or "the host's answer was empty")

    def _take(self, line: bytes) -> bool:
        if self.failed is not None:
            return False
        record = _decoded(line)
        if record.get("error"):
            self.failed = message_of(record["error"])
            return False
        self._is_empty = False
        return any([self._pieces.take(data) for data in self._chunks.of(record)])  # noqa: C419 - as above


async def _document(reply: Reply) -> dict[str, Any]:
    return _decoded(await whole_body(reply))


async def _pass_on_error(reply: Reply, out: Outgoing) -> None:
    """The host's own words, in OpenAI's form."""
    text = await whole_body(reply)
    try:
        said = message_of(json.loads(text))
    except (ValueError, RecursionError):
        said = text.decode("utf-8", "replace").strip()
    await whole_json(out.send, reply.status, openai_error(reply.status, said), answer_headers(reply))


def _raise_error(record: Mapping[str, Any]) -> None:
    if record.get("error"):
        raise Refusal(Why.HOST_FAILED, message_of(record["error"]))


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise Refusal(Why.HOST_FAILED, "the host's answer is not JSON")
    return record
