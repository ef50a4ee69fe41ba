"""The way to the twin as httpx transports, for a client that is made in the test and needs no patching at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from toolkit.host.mock.answers import AsyncBody, Attempt, SyncBody
from toolkit.host.mock.exchange import Head, Trouble
from toolkit.host.mock.libraries import Library

if TYPE_CHECKING:
    from toolkit.host.mock.routers import Sender

_HTTPX = Library("httpx")


class TwinTransport(httpx.BaseTransport):
    """For `httpx.Client(transport=…)`; whatever the URL's host, the twin answers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and wait for the head of the answer."""
        request.read()
        attempt = self._sender(request, _HTTPX)
        return _response(attempt, attempt.begin(), SyncBody(attempt))


class AsyncTwinTransport(httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient(transport=…)`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and await the head of the answer."""
        await request.aread()
        attempt = self._sender(request, _HTTPX)
        return _response(attempt, await attempt.begin_async(), AsyncBody(attempt))


def _response(attempt: Attempt, first: Head | Trouble, body: SyncBody | AsyncBody) -> httpx.Response:
    if isinstance(first, Trouble):
        raise attempt.failure(first, begun=False)
    return httpx.Response(
        first.status, headers=list(first.headers), stream=body, extensions={"http_version": b"HTTP/1.1"}
    )
