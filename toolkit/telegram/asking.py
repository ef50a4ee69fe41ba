"""What the bot wants of the gateway, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit.errors import HostError
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.json_fields import WrongJsonError, load_object
from toolkit.ollama.ndjson import LineSplitter
from toolkit.ollama.wire import JSON, WireRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.ollama.address import Address

_OK = 200


class Asking:
    """One gateway. `key` is an API key of it. Every call raises HostError if there is no answer."""

    def __init__(self, address: Address, key: str | None) -> None:
        self._client = OllamaClient(address, bearer=key, transport=AiohttpTransport(address))

    async def answer(self, session: str, model: str, words: str) -> AsyncIterator[str]:
        """The pieces of an answer, as they come."""
        message = {"role": "user", "content": words}
        body = json.dumps({"model": model, "session": session, "messages": [message], "stream": True}).encode()
        request = WireRequest("POST", "/api/chat", (("content-type", JSON),), body)
        splitter = LineSplitter()
        async with self._client.stream_relay(request, model) as stream:
            if stream.status != _OK:
                raise HostError(_told(stream.status, b"".join([chunk async for chunk in stream])))
            async for chunk in stream:
                for line in splitter.feed(chunk):
                    piece = _piece(line)
                    if piece:
                        yield piece

    async def models(self) -> list[str]:
        """The names of the models that are there."""
        return sorted(model.name for model in await self._client.tags())

    async def stats(self) -> dict[str, Any]:
        """The gateway's own counts."""
        request = WireRequest("GET", "/api/llm/stats", (("accept", JSON),))
        async with self._client.stream_relay(request, waits=False) as stream:
            body = b"".join([chunk async for chunk in stream])
            if stream.status != _OK:
                raise HostError(_told(stream.status, body))
        try:
            return load_object(body)
        except WrongJsonError as error:
            raise HostError(f"GET /api/llm/stats was answered with {error}; is this a hotswap gateway?") from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _piece(line: bytes) -> str:
    if not line.strip():
        return ""
    try:
        part = load_object(line)
    except WrongJsonError as error:
        raise HostError(f"the gateway's answer has a line that is no JSON object: {error}") from error
    if "error" in part:
        raise HostError(str(part["error"]))
    message = part.get("message")
    return str(message.get("content") or "") if isinstance(message, dict) else ""


def _told(status: int, body: bytes) -> str:
    """What a refusal says of itself."""
    try:
        return str(load_object(body).get("error", f"status {status}"))
    except WrongJsonError:
        return f"status {status}"
