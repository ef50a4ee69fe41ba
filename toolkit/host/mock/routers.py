"""How requests get to the twin instead of the network: a respx router for each HTTP library."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from respx.patterns import M
from respx.router import MockRouter

from toolkit.host.mock.answers import AsyncBody, Attempt, SyncBody
from toolkit.host.mock.exchange import Head, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.host.mock.libraries import Library

_AWAITED = "hotswap.awaited"
_FAILURE = "hotswap.failure"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NEVER_SENT = 599
"""The status under which respx keeps a request that was not answered."""


class Sender(Protocol):
    """Makes an attempt of a request."""

    def __call__(self, request: httpx.Request, library: Library) -> Attempt:
        """Not sent yet."""


class TwinRouter(MockRouter):
    """respx's router for one library, with one route for each base URL of the twin.

    Further routes may be added; for the twin's own URLs the twin comes first.
    """

    def __init__(self, library: Library, bases: Iterable[httpx.URL], sender: Sender) -> None:
        super().__init__(assert_all_called=False, using=library.core)
        self._library = library
        for base in bases:
            effect = functools.partial(_answer, library, sender)
            port = base.port or _DEFAULT_PORTS[base.scheme]
            self.route(M(scheme=base.scheme, host=base.host, port=port)).mock(side_effect=effect)

    def handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a blocking client."""
        request.extensions = {**request.extensions, _AWAITED: False}
        return _or_raise(super().handler(request))

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """Answer an awaiting client."""
        request.extensions = {**request.extensions, _AWAITED: True}
        return _or_raise(await super().async_handler(request))


def _answer(library: Library, sender: Sender, request: httpx.Request) -> Any:
    """Respx's side effect; for an awaiting client a coroutine."""
    attempt = sender(request, library)
    if request.extensions[_AWAITED]:
        return _begin_async(attempt)
    return _response(attempt, attempt.begin(), SyncBody(attempt))


async def _begin_async(attempt: Attempt) -> httpx.Response:
    return _response(attempt, await attempt.begin_async(), AsyncBody(attempt))


def _response(attempt: Attempt, first: Head | Trouble, body: SyncBody | AsyncBody) -> httpx.Response:
    if isinstance(first, Trouble):
        return httpx.Response(_NEVER_SENT, extensions={_FAILURE: attempt.failure(first, begun=False)})
    extensions = {"http_version": b"HTTP/1.1"}
    return httpx.Response(first.status, headers=list(first.headers), stream=body, extensions=extensions)


def _or_raise(response: httpx.Response) -> httpx.Response:
    """Raised here and not in a side effect: there respx would chain the error to itself."""
    failure = response.extensions.get(_FAILURE)
    if failure is not None:
        raise failure
    return response
