"""The endpoints of Ollama's own API that make a model work: chat, generate, embed, embeddings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit.gateway.ask import BY_NAME, Ask, choose_model, last_user_text, priority_of, session_of
from toolkit.gateway.http import as_json, whole
from toolkit.gateway.outgoing import Pieces
from toolkit.gateway.repeats import FIELD, REPLAYED, request_key_of
from toolkit.gateway.reply import whole_body
from toolkit.ollama.errors import OllamaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.gateway.ask import Kind
    from toolkit.gateway.course import Found
    from toolkit.gateway.keys import Caller
    from toolkit.gateway.outgoing import Outgoing
    from toolkit.gateway.reply import Asks, Reply, Take
    from toolkit.routing.router import Router

OURS = ("session", FIELD)
"""Fields of a body that are meant for the gateway; no host gets them."""
_OK = range(200, 300)
_BUSY = 503


class Native:
    """Passes a request on, and its answer back, piece by piece as the host sends it."""

    def __init__(self, kind: Kind, path: str, router: Router, dispatcher: Asks, *, texts: bool) -> None:
        self._kind = kind
        self._path = path
        self._router = router
        self._dispatcher = dispatcher
        self._texts = texts

    async def answer(self, body: dict[str, Any], headers: Mapping[str, str], caller: Caller, out: Outgoing) -> None:
        """Answer one request. Raises Refusal where nothing of the answer was sent."""
        ask = self._ask(body, headers, caller)
        if ask.streams:
            await self._stream(ask, out)
            return
        async with self._dispatcher.asks(ask) as reply:
            document = await whole_body(reply)  # before the head: its counters tell how the model was found
            await whole(out.send, reply.status, document, reply.content_type, answer_headers(reply))

    async def _stream(self, ask: Ask, out: Outgoing) -> None:
        """As the host sends it. What breaks in the middle is said in Ollama's own way: as a line."""
        pieces = Pieces(out)

        def opened(reply: Reply) -> Take:
            pieces.under(reply.status, reply.content_type, partial(answer_headers, reply))
            return pieces.take

        async with self._dispatcher.asks(ask, opened) as reply:
            try:
                while not await reply.pour(pieces.take):
                    await pieces.catch_up()
            except OllamaError as error:
                if not pieces.has_begun:
                    raise
                await pieces.end(as_json({"error": str(error)}) + b"\n")
                return
            await pieces.end()

    def _ask(self, body: dict[str, Any], headers: Mapping[str, str], caller: Caller) -> Ask:
        asked = body.get("model")
        if self._kind == "embed":  # a text says nothing about which embeddings are wanted
            model, reason = (asked if isinstance(asked, str) else "", BY_NAME)
        else:
            said = last_user_text(body.get("messages")) if self._kind == "chat" else body.get("prompt") or None
            model, reason = choose_model(asked, said if isinstance(said, str) else None, self._router)
        session = session_of(body, headers)
        return Ask(
            kind=self._kind,
            path=self._path,
            body=body if body.keys().isdisjoint(OURS) else {name: body[name] for name in body if name not in OURS},
            model=model,
            reason=reason,
            caller=caller.name,
            priority=priority_of(headers.get("x-hotswap-priority")),
            session=session,
            request_key=request_key_of(body, headers, self._kind, session),
            endpoint=self._path,
            texts=self._texts,
        )


def answer_headers(reply: Reply) -> list[tuple[str, str]]:
    """How the request was routed, and how its model was found."""
    ask = reply.course.ask
    headers = [("x-hotswap-reason", _one_line(ask.reason)), ("x-hotswap-model", _one_line(ask.model))]
    found: Found | None = reply.course.really
    if found is not None and reply.status in _OK:
        headers.append(("x-hotswap-cache", found))
    if reply.course.host is not None:
        headers.append(("x-hotswap-host", reply.course.host))
    if reply.course.replayed:
        headers.append((REPLAYED, "true"))
    if reply.status == _BUSY:
        headers.append(("retry-after", "1"))
    return headers


def _one_line(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else " " for sign in text).encode("ascii", "replace").decode()
