"""HTTP/1.1 on the wire as Go's server speaks it, for one ASGI application.

General-purpose servers differ from Go's in ways that clients see: case and order of headers, the texts of refused
requests, HTTP/1.0, when connections are kept (here: until the client closes them) and what a half-closed connection
means (the client has gone, but an answer that is ready is still sent). The application runs under any ASGI server;
under this one it cannot be told from the original.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

import httptools

from toolkit.host.app.exchange import ConnectionCutError
from toolkit.host.faults.connection import CONNECTION, TransportConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App: TypeAlias = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Any]

MOST_HEADER_BYTES = (1 << 20) + 4096
"""Go's limit, and the slack that it allows."""
MOST_BUFFERED_BYTES = 1 << 16
"""A longer body is read only as fast as the application takes it."""
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_log = logging.getLogger("hotswap.twin")


def refusal(status: int) -> bytes:
    """What Go's server sends where no handler is ever asked."""
    text = f"{status} {_REASONS[status]}"
    return f"HTTP/1.1 {text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{text}".encode()


class Exchange:
    """One request and its answer, as the application's `receive` and `send`."""

    __slots__ = (
        "_chunked", "_complete", "_connection", "_continue_due", "_event", "_handed_over", "_head", "_headless",
        "_parts", "_size", "answered", "gone", "keep_alive", "scope",
    )  # fmt: skip

    def __init__(self, connection: Connection, scope: dict[str, Any], *, keep_alive: bool, expects: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.gone = False
        """The client has closed its side."""
        self.answered = False
        self._connection = connection
        self._continue_due = expects
        self._event = asyncio.Event()
        self._parts: list[bytes] = []
        self._size = 0
        self._complete = False
        self._handed_over = False
        self._head: bytes | None = None
        self._headless = False
        self._chunked = False

    # What the parser tells ---------------------------------------------------------------------------------------

    def body_came(self, data: bytes) -> None:
        """A piece of the body."""
        if self.answered:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._size > MOST_BUFFERED_BYTES:
            self._connection.transport.pause_reading()
        self._event.set()

    def body_ended(self) -> None:
        """That was all of it."""
        self._complete = True
        self._event.set()

    def client_left(self) -> None:
        """The client has gone."""
        self.gone = True
        self._event.set()

    # What the application calls ----------------------------------------------------------------------------------

    async def receive(self) -> dict[str, Any]:
        """The next piece of the body; after its end, wait until the client goes."""
        if self._continue_due and not self.gone:
            self._continue_due = False
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self.gone or self.answered):
            if self._parts or (self._complete and not self._handed_over):
                body = b"".join(self._parts)
                self._parts.clear()
                self._size, self._handed_over = 0, self._complete
                self._connection.transport.resume_reading()
                return {"type": "http.request", "body": body, "more_body": not self._complete}
            self._event.clear()
            await self._event.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the head, or a piece of the body; the head goes out with the first piece."""
        connection = self._connection
        if message["type"] == "http.response.start":
            self._head = self._made_head(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        out = [self._head] if self._head is not None else []
        self._head = None
        if not self._headless:
            if self._chunked:
                if body:
                    out += (b"%x\r\n" % len(body), body, b"\r\n")
                if not more:
                    out.append(b"0\r\n\r\n")
            else:
                out.append(body)
        if connection.transport.is_closing():  # nobody is there, and uvloop takes no write on what it has closed
            return
        connection.transport.write(b"".join(out))
        if not more:
            self.answered = True
            self._event.set()
            connection.answer_complete(self)
        elif connection.crowded is not None:
            await connection.crowded.wait()

    def _made_head(self, message: dict[str, Any]) -> bytes:
        status, scope = message["status"], self.scope
        old = scope["http_version"] == "1.0"
        reason = message.get("reason") or _REASONS.get(status) or f"status code {status}"
        lines = [f"HTTP/{'1.0' if old else '1.1'} {status} {reason}\r\n".encode("latin-1")]
        chunked = sized = closes = False
        for name, value in message["headers"]:
            folded = name.lower()
            chunked = chunked or folded == b"transfer-encoding"
            sized = sized or folded == b"content-length"
            closes = closes or (folded == b"connection" and value == b"close")
            lines.append(b"%s: %s\r\n" % (name, value))
        self._headless = scope["method"] == "HEAD" or status in {204, 304}
        self._chunked = chunked
        if self._continue_due or closes or not (chunked or sized or self._headless):
            self.keep_alive = False
        if not self.keep_alive and not closes and not old:
            lines.insert(len(lines) - chunked, b"Connection: close\r\n")
        elif self.keep_alive and old:
            lines.append(b"Connection: keep-alive\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)


class Connection(asyncio.Protocol):
    """A client's connection; requests on it are answered one after the other."""

    def __init__(self, app: App, connections: set[Connection], tasks: set[asyncio.Task[None]]) -> None:
        self._app, self._connections, self._tasks = app, connections, tasks
        self.transport: asyncio.Transport
        self.crowded: asyncio.Event | None = None
        """Set again once the client has read enough; None while it keeps up."""
        self._parser = httptools.HttpRequestParser(self)
        self._lead: dict[str, Any] = {}
        self._in_head = True
        self._head_bytes = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects = False
        self._reading: Exchange | None = None
        """The request whose body is coming in."""
        self._current: Exchange | None = None
        self._next: deque[Exchange] = deque()

    # asyncio calls -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = transport  # type: ignore[assignment]  # always a Transport for a stream socket
        self._connections.add(self)
        self._lead = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "scheme": "http",
            "root_path": "",
            "client": transport.get_extra_info("peername"),
            "server": transport.get_extra_info("sockname"),
            "extensions": {CONNECTION: TransportConnection(self.transport)},
        }

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        del exc
        self._connections.discard(self)
        for exchange in (self._current, *self._next):
            if exchange is not None:
                exchange.client_left()
        self._next.clear()
        self.resume_writing()

    def eof_received(self) -> bool:
        """It says nothing more; what is being answered may still be of use to it."""
        if self._current is None:
            return False
        for exchange in (self._current, *self._next):
            exchange.keep_alive = False
            exchange.client_left()
        return True

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self.crowded = asyncio.Event()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self.crowded is not None:
            self.crowded.set()
            self.crowded = None

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEADER_BYTES:
                self._refuse(431)
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # the wish is ignored; what follows is a new request
            self._parser = httptools.HttpRequestParser(self)
            rest = data[upgrade.args[0] :]
            if rest:
                self.data_received(rest)
        except (httptools.HttpParserError, UnicodeDecodeError):
            self._refuse(400)

    def _refuse(self, status: int) -> None:
        if self._current is None and not self.transport.is_closing():
            self.transport.write(refusal(status))
        self.transport.close()

    def close(self) -> None:
        """The server ends: no answer is finished."""
        self.transport.close()

    # The parser calls --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._headers, self._expects = b"", [], False

    def on_url(self, url: bytes) -> None:
        """A piece of its target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """All of its headers; the application may begin."""
        self._in_head = False
        parser = self._parser
        target = httptools.parse_url(self._url)
        raw_path = target.path or b"/"
        path = raw_path.decode("ascii")
        version = parser.get_http_version()
        scope = {
            **self._lead,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": target.query or b"",
            "headers": self._headers,
        }
        exchange = Exchange(self, scope, keep_alive=parser.should_keep_alive(), expects=self._expects)
        self._reading = exchange
        if self._current is None:
            self._start(exchange)
        else:
            self._next.append(exchange)

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        if self._reading is not None:
            self._reading.body_came(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._in_head, self._head_bytes = True, 0
        if self._reading is not None:
            self._reading.body_ended()
            self._reading = None

    # Answering ---------------------------------------------------------------------------------------------------

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        task = asyncio.get_running_loop().create_task(self._run(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except ConnectionCutError:
            self.transport.close()
        except Exception:  # noqa: BLE001 - a mistake in a handler must not end the connection unanswered
            _log.exception("%s %s failed", exchange.scope["method"], exchange.scope["path"])
            await self._fail(exchange)
        else:
            if not exchange.answered:
                self.transport.close()

    async def _fail(self, exchange: Exchange) -> None:
        """A mistake in a handler is an empty 500, or a broken stream."""
        if exchange.answered or self.transport.is_closing():
            return
        if exchange._head is None and exchange._chunked:  # noqa: SLF001 - its other half
            self.transport.close()
            return
        await exchange.send({"type": "http.response.start", "status": 500, "headers": [(b"Content-Length", b"0")]})
        await exchange.send({"type": "http.response.body", "body": b""})

    def answer_complete(self, exchange: Exchange) -> None:
        """The answer is written: close, or take up the next request."""
        self._current = None
        if not exchange.keep_alive:
            self.transport.close()
        elif self._next and not self.transport.is_closing():
            self._start(self._next.popleft())
