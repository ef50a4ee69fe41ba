"""The transport on aiohttp, for many streams at a time: the load engine and whatever else must not be the bottleneck.

On one core httpx holds about 110 streams of 33 pieces a second, this one several hundred. It behaves as the other one
does: nothing is sent twice, no redirect is followed, no cookie kept, no proxy of the environment used.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from toolkit.ollama.tls import tls_context
from toolkit.ollama.transport import Fault, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection

    from toolkit.ollama.address import Address
    from toolkit.ollama.wire import WireRequest

_IDLE_CONNECTION_S = 60.0
_MOST_AT_ONCE_BYTES = 1 << 15
"""Below the size from which aiohttp waits for a connection to take what was written."""
_MOST_HELD_BYTES = 1 << 16
"""So much of an answer lies here before the host must wait for whoever takes it."""
_NO_LIMIT = aiohttp.ClientTimeout(total=None, connect=None, sock_read=None, sock_connect=None, ceil_threshold=1e9)


class AiohttpTransport:
    """Connections to one host. `ca_file` replaces the system's certificate authorities.

    It belongs to the event loop in which it sends first. Raises UsageError if `ca_file` holds no authorities.
    """

    def __init__(self, address: Address, *, ca_file: str | None = None) -> None:
        self._base_url = address.url
        self._tls = tls_context(ca_file, is_tls=address.is_tls) if address.is_tls else True
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self._limits: dict[float | None, aiohttp.ClientTimeout] = {None: _NO_LIMIT}

    async def send(self, request: WireRequest, connect_s: float | None) -> AiohttpResponse:
        """See `toolkit.ollama.transport.Transport.send`."""
        session = self._session or self._open()
        try:
            response = await session.request(
                request.method,
                self._url(request.path),
                headers=CIMultiDict(request.headers),
                data=request.body or None,
                timeout=self._limit(connect_s),
                allow_redirects=False,
            )
        except (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError, ValueError) as error:
            raise _translated(error) from error
        return AiohttpResponse(response)

    async def aclose(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # how many requests run at a time is the caller's decision
            keepalive_timeout=_IDLE_CONNECTION_S,
            ssl=self._tls,
        )
        # No public switch either; where it means nothing, reading is slower and otherwise the same.
        made: partial[ResponseHandler] = partial(_Reader, loop=asyncio.get_running_loop())  # type: ignore[assignment]  # partial is invariant
        connector._factory = made  # noqa: SLF001 - see above
        self._session = session = aiohttp.ClientSession(
            connector=connector,
            request_class=_Request,
            cookie_jar=aiohttp.DummyCookieJar(),  # a request must not depend on earlier answers
            trust_env=False,  # a proxy of the environment between client and host would be measured too
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        )
        session._retry_connection = False  # noqa: SLF001 - no public switch; nothing may be sent twice in secret
        return session

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(f"{self._base_url}{path}", encoded=True)
        return url

    def _limit(self, connect_s: float | None) -> aiohttp.ClientTimeout:
        limit = self._limits.get(connect_s)
        if limit is None:
            limit = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, ceil_threshold=1e9)
            self._limits[connect_s] = limit
        return limit


class _Request(aiohttp.ClientRequest):
    """Writes a short body at once, as aiohttp itself does from Python 3.12 on, and not in a task of its own.

    A task has its turn behind all that has come meanwhile: at hundreds of streams that is often a millisecond.
    """

    def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> Coroutine[Any, Any, None]:
        """Gives a coroutine that has nothing left to do."""
        writing = super().write_bytes(writer, conn, content_length)
        if self._continue is not None or content_length is None or content_length > _MOST_AT_ONCE_BYTES:
            return writing
        if conn.protocol is None or conn.protocol.writing_paused:
            return writing
        try:
            writing.send(None)
        except StopIteration:
            return _nothing()
        raise RuntimeError("aiohttp waits with a short body on a connection that takes it")


async def _nothing() -> None:
    """What is left to do."""


class _Reader(ResponseHandler):
    """Aiohttp's own connection, which can fill a spout, and goes on reading only if it had stopped.

    The original goes through its parser with nothing, and asks the loop to read on, after every piece that is taken:
    a seventh of all the time at hundreds of streams a second.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.spout: _Spout | _Tap | None = None
        self._has_stopped = False

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """What came is not HTTP: whoever reads the body is told, too; aiohttp would let them wait."""
        super().set_exception(exc, *cause)
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)

    def pause_reading(self) -> None:
        """Too much is here that nobody has taken."""
        self._has_stopped = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """It was taken."""
        if self._has_stopped:
            self._has_stopped = False
            super().resume_reading(resume_parser)


class _Spout:
    """Where the bytes of one body go while they are poured: to `take`, and nobody is woken before the end."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._take = take

    def feed(self, data: bytes) -> None:
        """Bytes have come."""
        if self.over.done():
            return
        try:
            self._take(data)
        except Exception as error:  # noqa: BLE001 - it is raised in the task that reads, not in the parser
            self.over.set_exception(error)

    def end(self) -> None:
        """All has come."""
        if not self.over.done():
            self.over.set_result(None)

    def fail(self, error: BaseException) -> None:
        """No more will come."""
        if not self.over.done():
            self.over.set_exception(error)


class _Tap:
    """Where the bytes of one body go when somebody takes them at his own pace: much of them, and the host must wait."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._is_stopped = self._is_over = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Bytes have come."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > _MOST_HELD_BYTES and not self._is_stopped:
            self._is_stopped = True
            self._reader.pause_reading()
        self._wake()

    def end(self) -> None:
        """All has come."""
        self._is_over = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """No more will come."""
        self._error = error
        self._wake()

    async def take(self) -> bytes:
        """All bytes that are here, once there are any; none at the end. Raises what the connection died of."""
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self._is_over:
                return b""
            self._waiter = self._loop.create_future()
            await self._waiter
        parts, self._parts, self._size = self._parts, [], 0
        if self._is_stopped:
            self._is_stopped = False
            if not self._is_over:  # the connection may serve somebody else by now
                self._reader.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)


class _PouredBody(aiohttp.StreamReader):
    """A body without a buffer: what the parser finds goes into its connection's spout at once.

    The parser cannot be given another body than its own, so that one is turned into this. To go through the buffer took
    half of the time of a piece.
    """

    __slots__ = ()  # the same layout as the original, so that one can become the other

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        """Bytes of the body."""
        del size
        spout: _Spout | _Tap | None = self._protocol.spout  # type: ignore[attr-defined]  # a `_Reader`, see `pour`
        if spout is not None:
            spout.feed(data)
        return False

    def begin_http_chunk_receiving(self) -> None:
        """Where chunks of the transfer begin is of no interest."""

    def end_http_chunk_receiving(self) -> None:
        """Nor is where they end."""

    def feed_eof(self) -> None:
        """The end of the body; the connection may serve another request from here on."""
        reader, spout = self._protocol, self._protocol.spout  # type: ignore[attr-defined]  # as above
        reader.spout = None  # type: ignore[attr-defined]  # as above
        super().feed_eof()
        if spout is not None:
            spout.end()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """The connection was lost, or what came was not HTTP. A body that is over has no connection any more."""
        super().set_exception(exc, *cause)
        if self.is_eof():
            return
        spout: _Spout | _Tap | None = self._protocol.spout  # type: ignore[attr-defined]  # as above
        if spout is not None:
            spout.fail(exc)


class AiohttpResponse:
    """An answer of aiohttp; see `toolkit.ollama.transport.WireResponse`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they arrive, as sent: nothing is decompressed."""
        content, connection = self._response.content, self._response.connection
        reader = None if connection is None else connection.protocol
        try:
            here = content.read_nowait()
            if content.is_eof() or not isinstance(reader, _Reader):
                while here:
                    yield here
                    here = await content.readany()
                return
            tap = reader.spout = _Tap(reader)
            content.__class__ = _PouredBody
            if here:
                tap.feed(here)
            try:
                while chunk := await tap.take():
                    yield chunk
            finally:
                if reader.spout is tap:
                    reader.spout = None
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _translated(error) from error

    async def pour(self, take: Callable[[bytes], None]) -> None:
        """See `toolkit.ollama.transport.WireResponse.pour`.

        Each goes on as soon as it is parsed: waking a task for it costs more than all the rest.
        """
        content, connection = self._response.content, self._response.connection
        reader = None if connection is None else connection.protocol
        try:
            if here := content.read_nowait():
                take(here)
            if content.is_eof() or not isinstance(reader, _Reader):
                return
            spout = reader.spout = _Spout(take)
            content.__class__ = _PouredBody
            try:
                await spout.over
            finally:
                if reader.spout is spout:
                    reader.spout = None
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        """Let go of the connection: aiohttp has taken it back if the body was read to its end, else it is closed."""
        self._response.close()


def _translated(error: Exception) -> TransportError:
    if isinstance(error, aiohttp.ServerTimeoutError | asyncio.TimeoutError):
        return TransportError(Fault.CONNECT_TIMEOUT, str(error))
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError | aiohttp.InvalidURL):
        return TransportError(Fault.UNREACHABLE, _root_cause(error))
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
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
