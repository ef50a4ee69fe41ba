"""The transport on aiohttp, for many streams at a time: the load engine and whatever else must not be the bottleneck.

On one core httpx holds about 110 streams of 33 pieces a second, this one several hundred. It behaves as the other one
does: nothing is sent twice, no redirect is followed, no cookie kept, no proxy of the environment used.

Of aiohttp it uses the connections and their pool, TLS, and the parser. A `ClientSession` looks with every request for
redirects, cookies, proxies, middlewares and traces, all of which are left out here.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from toolkit.ollama.aiohttp_reading import Reader
from toolkit.ollama.tls import tls_context
from toolkit.ollama.transport import Fault, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage

    from toolkit.ollama.address import Address
    from toolkit.ollama.aiohttp_reading import Body
    from toolkit.ollama.transport import Opened, Take
    from toolkit.ollama.wire import WireRequest

_IDLE_CONNECTION_S = 60.0
_MOST_HEADS = 100
"""So many requests' heads are kept: a client sends the same few again and again."""
_INFORMATION = range(100, 200)
_SWITCHING_PROTOCOLS = 101
_FORBIDDEN_IN_HEADS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header in its middle, and begin another one."""


class AiohttpTransport:
    """Connections to one host. `ca_file` replaces the system's certificate authorities.

    It belongs to the event loop in which it sends first. Raises UsageError if `ca_file` holds no authorities.
    """

    def __init__(self, address: Address, *, ca_file: str | None = None) -> None:
        url = URL(address.url)
        self._url = url
        self._prefix = url.raw_path.rstrip("/")
        self._host = url.host_port_subcomponent or ""
        self._tls = tls_context(ca_file, is_tls=address.is_tls) if address.is_tls else True
        self._pool: tuple[aiohttp.TCPConnector, aiohttp.ClientRequest] | None = None
        self._limits: dict[float | None, aiohttp.ClientTimeout] = {}
        self._heads: dict[tuple[str, str, tuple[tuple[str, str], ...]], bytes] = {}

    async def send(
        self,
        request: WireRequest,
        connect_s: float | None,
        clock: Callable[[], int] = time.monotonic_ns,
        opened: Opened | None = None,
    ) -> AiohttpResponse:
        """See `toolkit.ollama.transport.Transport.send`."""
        connector, target = self._pool or self._open()
        wire = b"".join(self._wire(request))
        try:
            connection = await connector.connect(target, [], self._limit(connect_s))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _translated(error) from error
        try:
            return await _exchanged(connection, request.method, wire, clock, opened)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            connection.close()
            raise _translated(error) from error
        except BaseException:
            connection.close()
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool[0].close()

    def _open(self) -> tuple[aiohttp.TCPConnector, aiohttp.ClientRequest]:
        """The pool, and a request that is never sent: connections are asked for with one, which says to whom."""
        loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(
            limit=0,  # how many requests run at a time is the caller's decision
            keepalive_timeout=_IDLE_CONNECTION_S,
            ssl=self._tls,
        )
        made: partial[ResponseHandler] = partial(Reader, loop=loop)  # type: ignore[assignment]  # partial is invariant
        connector._factory = made  # noqa: SLF001 - no public switch
        self._pool = connector, aiohttp.ClientRequest("GET", self._url, loop=loop)
        return self._pool

    def _wire(self, request: WireRequest) -> Iterator[bytes]:
        """The request, part by part. Raises TransportError if a header holds what no header may."""
        key = request.method, request.path, request.headers
        head = self._heads.get(key)
        if head is None:
            head = self._head(request)
            if len(self._heads) < _MOST_HEADS:
                self._heads[key] = head
        yield head
        if request.body or request.method not in {"GET", "HEAD"}:
            yield b"Content-Length: %d\r\n" % len(request.body)
        yield b"\r\n"
        yield request.body

    def _head(self, request: WireRequest) -> bytes:
        """The request line and all headers but the length."""
        lines = [f"{request.method} {self._prefix}{request.path} HTTP/1.1"]
        if all(name != "host" for name, _ in request.headers):
            lines.append(f"Host: {self._host}")
        lines += [f"{name}: {value}" for name, value in request.headers]
        if _FORBIDDEN_IN_HEADS.search("".join(lines)):
            raise TransportError(Fault.LOST, "a control character in a header; nothing was sent")
        return "\r\n".join((*lines, "")).encode()

    def _limit(self, connect_s: float | None) -> aiohttp.ClientTimeout:
        limit = self._limits.get(connect_s)
        if limit is None:
            limit = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, ceil_threshold=1e9)
            self._limits[connect_s] = limit
        return limit


async def _exchanged(
    connection: Connection, method: str, wire: bytes, clock: Callable[[], int], opened: Opened | None
) -> AiohttpResponse:
    """Write a request in one go, and wait for the head of its answer."""
    reader = connection.protocol
    if not isinstance(reader, Reader) or reader.transport is None or reader.transport.is_closing():
        raise aiohttp.ClientConnectionResetError("the connection was closed before anything was sent")
    response: AiohttpResponse | None = None

    def head_came(message: RawResponseMessage, content: aiohttp.StreamReader, body: Body) -> Take | None:
        nonlocal response
        if _is_information(message):
            return None
        response = AiohttpResponse(connection, message, content, body)
        return None if opened is None else opened(response)

    reader.set_response_params(skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False)
    reader.clock = clock
    reader.head_came = head_came
    reader.transport.write(wire)
    try:
        while _is_information(await reader.head()):
            pass
    finally:
        reader.head_came = None
    assert response is not None  # noqa: S101 - it is made in the callback of the head that was waited for
    response.gives_back()
    return response


def _is_information(message: RawResponseMessage) -> bool:
    """Whether another head follows."""
    return message.code in _INFORMATION and message.code != _SWITCHING_PROTOCOLS


class AiohttpResponse:
    """An answer of aiohttp; see `toolkit.ollama.transport.WireResponse`."""

    def __init__(
        self,
        connection: Connection,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        body: Body,
    ) -> None:
        self._connection = connection
        self._content = content
        self._body = body
        self.status = message.code
        self.head_ns = body.head_ns
        self.headers: Mapping[str, str] = message.headers  # finds names in any letters

    def gives_back(self) -> None:
        """From now on the connection is given back when all of the answer is here, which may be the case already."""
        self._content.on_eof(self._give_back)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they arrive, as sent: nothing is decompressed."""
        try:
            async for piece in self._body.chunks():
                yield piece
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _translated(error) from error

    async def pour(self, take: Take) -> bool:
        """See `toolkit.ollama.transport.WireResponse.pour`.

        Each goes on as soon as it is here: waking a task for it costs more than all the rest.
        """
        try:
            return await self._body.pour(take)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        """Let go of the connection: it is back in the pool if the body was read to its end, else it is closed."""
        self._connection.close()

    def _give_back(self) -> None:
        """All of the answer is here."""
        protocol = self._connection.protocol
        transport = None if protocol is None else protocol.transport
        if transport is not None and transport.get_write_buffer_size():
            self._connection.close()  # answered before it was asked to the end
        else:
            self._connection.release()


def _translated(error: Exception) -> TransportError:
    if isinstance(error, TimeoutError):
        return TransportError(Fault.CONNECT_TIMEOUT, str(error))
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError | aiohttp.InvalidURL):
        return TransportError(Fault.UNREACHABLE, _root_cause(error))
    if isinstance(error, HttpProcessingError):
        return TransportError(Fault.NOT_HTTP, " ".join(str(error.message).split()))
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, HttpProcessingError):
        # A body cut short, and chunks that are none, come with one class; which it was is told by the cause.
        cut = "Not enough data" in str(error.__cause__)
        return TransportError(Fault.LOST if cut else Fault.NOT_HTTP, " ".join(str(error.__cause__.message).split()))
    return TransportError(Fault.LOST, _root_cause(error))


def _root_cause(error: BaseException) -> str:
    """The system's own words: refused, no route, unknown name, TLS."""
    cause: BaseException | None = error
    while cause is not None:
        inner = getattr(cause, "os_error", None) or getattr(cause, "certificate_error", None) or cause
        if isinstance(inner, ssl.SSLError | socket.gaierror):
            return inner.strerror or str(inner)
        if isinstance(inner, OSError) and inner.errno and not isinstance(inner, aiohttp.ClientError):
            return os.strerror(inner.errno)  # asyncio replaces the system's words with its own
        cause = cause.__cause__ or cause.__context__
    return str(error)
