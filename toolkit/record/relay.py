"""The relay: one connection to the host for each of a client's, and every byte passed on as it came.

Nothing is parsed and written again: what the two say to each other is watched on its way. So chunks keep their
boundaries, heads their order and case, a reset stays a reset, and a half-closed connection stays half-closed. Only the
head of a request is changed, to name the host. Whoever reads slowly slows down the other; whoever leaves takes his
connection on the other side with him, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from toolkit.record.framing import Body, End, Framer, Opaque
from toolkit.record.heads import Head, addressed, answer_body, request_body
from toolkit.record.watch import Watch
from toolkit.workload.traces.logged import INTERRUPTED, LEFT, LOST, OK, UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from toolkit.ollama.address import Address
    from toolkit.record.heads import BodyKind
    from toolkit.record.sessions import Sessions
    from toolkit.workload.traces.logged import LoggedRequest

    Keep: TypeAlias = Callable[[LoggedRequest | None], None]

_BACKLOG = 2048
_LAST_MOMENTS_S = 1.0
_RESET_LINGER = struct.pack("ii", 1, 0)
_SWITCHING = 101


@dataclass(frozen=True, slots=True)
class Upstream:
    """The host, as a connection and a request's head need it. `tls` is None for plain HTTP."""

    host: str
    port: int
    authority: bytes
    prefix: bytes
    authorization: bytes | None
    tls: ssl.SSLContext | None
    url: str


def upstream_of(address: Address, tls: ssl.SSLContext | None) -> Upstream:
    """Where an address leads; `tls` is the context for an https one."""
    parts = urlsplit(address.url)
    port = parts.port or (443 if address.is_tls else 80)
    return Upstream(
        parts.hostname or "127.0.0.1",
        port,
        parts.netloc.encode("ascii", "replace"),
        parts.path.encode("ascii", "replace"),
        None if address.authorization is None else address.authorization.encode(),
        tls if address.is_tls else None,
        address.url,
    )


class Relay:
    """Everything that the connections of one recording share.

    `keep` is told of every exchange that has ended: its row, or None for one that is not recorded.
    """

    def __init__(self, upstream: Upstream, sessions: Sessions, keep: Keep, *, texts: bool) -> None:
        self.upstream = upstream
        self.keep = keep
        self.ends = False
        """The relay itself is being closed."""
        self._sessions, self._texts = sessions, texts
        self.clients: set[ClientSide] = set()
        self.hosts: set[HostSide] = set()

    def watch(self, head: Head) -> Watch:
        """Begin to watch an exchange."""
        return Watch(head, time.time_ns(), time.monotonic_ns(), self._sessions, texts=self._texts)

    @contextlib.asynccontextmanager
    async def listening(self, bind: str, port: int) -> AsyncIterator[int]:
        """Relay while the block runs; gives the port. Raises OSError if nobody can listen there."""
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientSide(self), bind, port, backlog=_BACKLOG
        )  # fmt: skip
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            self.ends = True
            server.close()
            for client in tuple(self.clients):
                client.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_MOMENTS_S):
                    while self.hosts or self.clients:  # noqa: ASYNC110 - they end in the next rounds of the loop
                        await asyncio.sleep(0)


class ClientSide(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.transport: asyncio.Transport
        self._host: HostSide | None = None
        self._framer = Framer(request_body)
        self._refusal: str | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early = b""
        """What the client said before the host was there."""
        self._said_all = False
        self._is_gone = False
        self.open: deque[Watch] = deque()
        """The exchanges under way, in the order of their requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come: go to the host for it."""
        self.transport = transport  # type: ignore[assignment]  # always a Transport for a stream socket
        self.relay.clients.add(self)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        upstream = self.relay.upstream
        try:
            _, host = await asyncio.get_running_loop().create_connection(
                lambda: HostSide(self), upstream.host, upstream.port, ssl=upstream.tls
            )
        except OSError as error:  # ssl.SSLError is one
            self._refusal = f"no connection to {upstream.url}: {_reason(error)}"
        else:
            self._host = host
        early, self._early = self._early, b""
        if self._is_gone:
            if self._host is not None:
                self._host.transport.abort()
            return
        self.transport.resume_reading()
        if early:
            self.data_received(early)
        if self._said_all:
            self.eof_received()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests: on to the host, then have a look at them."""
        if self._host is None and self._refusal is None:
            self._early += data
            self.transport.pause_reading()
            return
        pieces = self._framer.feed(data)
        if self._host is None:
            self._refuse(pieces)
            return
        upstream = self.relay.upstream
        self._host.write(
            b"".join(
                addressed(piece, upstream.authority, upstream.prefix, upstream.authorization)
                if isinstance(piece, Head)
                else piece.raw
                for piece in pieces
            )
        )
        self._look(pieces)

    def _look(self, pieces: list[Head | Body | End | Opaque]) -> None:
        for piece in pieces:
            if isinstance(piece, Head):
                self.open.append(self.relay.watch(piece))
            elif self.open and isinstance(piece, Body):
                self.open[-1].asked(piece.content)
            elif self.open and isinstance(piece, End):
                self.open[-1].asked_all()

    def _refuse(self, pieces: list[Head | Body | End | Opaque]) -> None:
        """The host is not there: say so to the first request, once it is complete."""
        self._look(pieces)
        if not any(isinstance(piece, End | Opaque) for piece in pieces) or self.transport.is_closing():
            return
        body = json.dumps({"error": f"hotswap record: {self._refusal}"}).encode()
        head = (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        without_body = bool(self.open) and self.open[0].method == b"HEAD"
        self.transport.write(head.encode() + (b"" if without_body else body))
        self.settle(UNREACHABLE)
        self.transport.close()

    def eof_received(self) -> bool:
        """The client says nothing more. Whether it still listens is for the host to judge, as without us."""
        self._said_all = True
        if self._host is not None:
            self._host.nothing_more()
        return self._refusal is None

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left: so do we on the other side, at once."""
        self.relay.clients.discard(self)
        self._is_gone = True
        self.settle(INTERRUPTED if self.relay.ends else LEFT)
        if self._host is not None:
            _end(self._host.transport, exc)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        if self._host is not None:
            self._host.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._host is not None:
            self._host.transport.resume_reading()

    def host_left(self, error: Exception | None) -> None:
        """The host has closed its connection: close ours, after what it still said."""
        self.settle(INTERRUPTED if self.relay.ends else LEFT if self._said_all else LOST)
        if error is None:
            self.transport.close()
        else:
            _end(self.transport, error)

    def close(self) -> None:
        """The recording ends."""
        self.settle(INTERRUPTED)
        self.transport.abort()

    def settle(self, outcome: str) -> None:
        """Every exchange that is still under way has ended so."""
        while self.open:
            self.finish(outcome)

    def finish(self, outcome: str) -> None:
        """The oldest exchange under way has ended."""
        self.relay.keep(self.open.popleft().record(outcome, time.monotonic_ns()))


class HostSide(asyncio.Protocol):
    """The connection to the host that belongs to one client's."""

    def __init__(self, client: ClientSide) -> None:
        self._client = client
        self.transport: asyncio.Transport
        self._framer = Framer(self._answer_body)
        self._is_interim = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The host is there."""
        self.transport = transport  # type: ignore[assignment]  # always a Transport for a stream socket
        self._client.relay.hosts.add(self)

    def write(self, data: bytes) -> None:
        """Bytes of requests."""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def nothing_more(self) -> None:
        """The client has closed its side."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # TLS cannot be half-closed
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes of answers: on to the client, then have a look at them."""
        client = self._client
        client.transport.write(data)
        now_ns = time.monotonic_ns()
        for piece in self._framer.feed(data):
            if not client.open:
                return
            if isinstance(piece, Head):
                client.open[0].answered(piece)
                self._is_interim = piece.status < 200 and piece.status != _SWITCHING  # noqa: PLR2004 - the answer follows
            elif isinstance(piece, Body):
                client.open[0].told(piece.content, now_ns)
            elif isinstance(piece, End) and not self._is_interim:
                client.finish(OK)

    def _answer_body(self, head: Head) -> BodyKind:
        return answer_body(head, self._client.open[0].method if self._client.open else b"GET")

    def connection_lost(self, exc: Exception | None) -> None:
        """The host has closed, or broken off."""
        self._client.relay.hosts.discard(self)
        if exc is None and self._framer.ends_with_connection and self._client.open:
            self._client.finish(OK)
        self._client.host_left(exc)

    def pause_writing(self) -> None:
        """The host reads slowly."""
        self._client.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._client.transport.resume_reading()


def _reason(error: OSError) -> str:
    """The system's own words; asyncio's repeat the address."""
    return os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)


def _end(transport: asyncio.Transport, error: Exception | None) -> None:
    """End a connection as the other one ended: torn down if it was, else at once all the same."""
    if error is not None:
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):  # it may have gone meanwhile
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_LINGER)
    transport.abort()
