"""The transport on httpx, for control calls, the mock and every load that one core of httpx carries.

Nothing of httpx is seen outside, except that a test or the twin may mount an application of its own in place of the
network.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from toolkit.ollama.tls import tls_context
from toolkit.ollama.transport import Fault, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

    from toolkit.ollama.address import Address
    from toolkit.ollama.transport import Opened, Take
    from toolkit.ollama.wire import WireRequest

_IDLE_CONNECTION_S = 60.0
_IDLE_CONNECTIONS = 64


class HttpxTransport:
    """Connections to one host. `ca_file` replaces the system's certificate authorities; `mounted` the network."""

    def __init__(
        self, address: Address, *, ca_file: str | None = None, mounted: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._base_url = address.url
        self._client = httpx.AsyncClient(
            transport=mounted,
            verify=tls_context(ca_file, is_tls=address.is_tls),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # a request must not depend on earlier answers
            trust_env=False,  # a proxy of the environment between client and host would be measured too
            follow_redirects=False,
            limits=httpx.Limits(
                max_connections=None,  # how many requests run at a time is the caller's decision
                max_keepalive_connections=_IDLE_CONNECTIONS,
                keepalive_expiry=_IDLE_CONNECTION_S,
            ),
        )
        self._client.headers.clear()  # what is sent is said in one place, by the client

    async def send(
        self,
        request: WireRequest,
        connect_s: float | None,
        clock: Callable[[], int] = time.monotonic_ns,
        opened: Opened | None = None,
    ) -> HttpxResponse:
        """See `toolkit.ollama.transport.Transport.send`; no piece comes before `pour`."""
        try:
            outgoing = self._client.build_request(
                request.method,
                f"{self._base_url}{request.path}",
                headers=list(request.headers),
                content=request.body or None,
                timeout=httpx.Timeout(None, connect=connect_s),
            )
            response = HttpxResponse(await self._client.send(outgoing, stream=True), clock)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _translated(error) from error
        if opened is not None:
            try:
                opened(response)
            except BaseException:
                await response.aclose()
                raise
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class HttpxResponse:
    """An answer of httpx; see `toolkit.ollama.transport.WireResponse`."""

    def __init__(self, response: httpx.Response, clock: Callable[[], int]) -> None:
        self._response = response
        self._clock = clock
        self._poured: AsyncGenerator[bytes, None] | None = None
        self.head_ns = clock()
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they arrive, as sent: nothing is decompressed."""
        try:
            async for chunk in self._response.aiter_raw():
                yield chunk
        except (httpx.HTTPError, OSError) as error:
            raise _translated(error) from error

    async def pour(self, take: Take) -> bool:
        """See `toolkit.ollama.transport.WireResponse.pour`."""
        if self._poured is None:
            self._poured = self.chunks()
        async for chunk in self._poured:
            if take(chunk, self._clock()):
                return False
        return True

    async def aclose(self) -> None:
        """Let go of the connection."""
        try:
            await self._response.aclose()
        except (httpx.HTTPError, OSError):  # it is gone already, which is what was wanted
            return


def _translated(error: Exception) -> TransportError:
    if isinstance(error, httpx.ConnectTimeout):
        return TransportError(Fault.CONNECT_TIMEOUT, str(error))
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.InvalidURL):
        return TransportError(Fault.UNREACHABLE, _root_cause(error))
    if isinstance(error, httpx.RemoteProtocolError):
        # httpx says both "the peer went away" and "this is not HTTP" with one class; the text tells them apart.
        went_away = "disconnected" in str(error) or "closed connection" in str(error)
        return TransportError(Fault.LOST if went_away else Fault.NOT_HTTP, str(error))
    return TransportError(Fault.LOST, _root_cause(error))


def _root_cause(error: BaseException) -> str:
    """The system's own words, deep in the chain that httpx raises: refused, no route, unknown name, TLS."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError | socket.gaierror):
            return cause.strerror or str(cause)
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)  # asyncio replaces the system's words with its own
    return str(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it; of several attempts (one for each address of a name) the last first."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for attempt in reversed(error.exceptions):
            yield from _causes(attempt)
    before = error.__cause__ or error.__context__
    if before is not None:
        yield from _causes(before)
