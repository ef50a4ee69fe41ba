"""How bytes come in on a connection of aiohttp: each with the moment of its arrival, and at once to whoever wants them.

aiohttp's own connection and parser do the work; what is added is what hundreds of streams a second need. A body whose
head has come is turned into one without a buffer: its bytes go into an `Inflow`, not through a task that has to be
woken. And a read of the socket that brings whole chunks, as nearly all do, is taken apart here: the parser, which was
left between two chunks, never has to see them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.http import RawResponseMessage

_MOST_HELD_BYTES = 1 << 16
"""So much of an answer lies here before the host must wait for whoever takes it."""
_LONGEST_SIZE = 16
"""Digits of the size of a chunk; what is longer, or has more to say, is the parser's."""


class Inflow(Protocol):
    """Where the bytes of one body go."""

    def feed(self, data: bytes, now_ns: int) -> None:
        """Bytes have come."""
        ...

    def end(self) -> None:
        """All has come."""
        ...

    def fail(self, error: BaseException) -> None:
        """No more will come."""
        ...


class Reader(ResponseHandler):
    """Aiohttp's own connection; see the module. `clock` gives the nanoseconds of every arrival.

    It also goes on reading only if it had stopped: the original goes through its parser with nothing, and asks the loop
    to read on, after every piece that is taken.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.inflow: Inflow | None = None
        self.clock: Callable[[], int] = _no_clock
        self.is_in_chunk = True
        self._held: deque[Held] = deque()
        self._is_between_chunks = False
        self._has_stopped = False
        self.came_ns = 0

    def data_received(self, data: bytes) -> None:
        """Bytes have come, or (none) the parser is to go on with those that it holds."""
        self.came_ns = self.clock()
        if self._is_between_chunks and data:
            data = self._whole_chunks(data)
            if not data:
                return
        super().data_received(data)
        # Only where a chunk has just ended with the last byte can the parser do without the next one.
        self._is_between_chunks = not self.is_in_chunk and data.endswith(b"\r\n") and self.inflow is not None

    def feed_data(self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0) -> None:
        """A head has come, perhaps with the beginning of its body, perhaps with all of it."""
        body, held = data[1], Held(self.came_ns)
        if type(body) is aiohttp.StreamReader:
            if here := body.read_nowait():
                held.feed(here, self.came_ns)
            if not body.is_eof():
                self.inflow = held
                self.is_in_chunk = True  # not known before the next chunk ends
                body.__class__ = PouredBody
        if body.is_eof():
            held.end()
        self._held.append(held)
        super().feed_data(data, size)

    async def head(self) -> tuple[RawResponseMessage, aiohttp.StreamReader, Held]:
        """The next head, its body, and what is kept of that until somebody takes it."""
        message, body = await self.read()
        return message, body, self._held.popleft()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """What came is not HTTP: whoever reads the body is told, too; aiohttp would let them wait."""
        super().set_exception(exc, *cause)
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)

    def pause_reading(self) -> None:
        """Too much is here that nobody has taken."""
        self._has_stopped = True
        self._is_between_chunks = False  # what comes all the same is held by the parser
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """It was taken."""
        if self._has_stopped:
            self._has_stopped = False
            super().resume_reading(resume_parser)

    def _whole_chunks(self, data: bytes) -> bytes:
        """Take all whole chunks out, and give what is left: nothing, or what begins with one that is not whole."""
        begin, length = 0, len(data)
        while begin < length:
            inflow = self.inflow
            mark = data.find(b"\r\n", begin, begin + _LONGEST_SIZE)
            digits = data[begin:mark]
            if inflow is None or not self._is_between_chunks or mark < 0 or not digits.isalnum():
                break
            try:
                end = mark + 2 + int(digits, 16)
            except ValueError:
                break
            if end == mark + 2 or not data.startswith(b"\r\n", end):
                break  # the last one, one that is not all here, or none at all
            inflow.feed(data[mark + 2 : end], self.came_ns)
            begin = end + 2
        return data[begin:] if begin else data


class PouredBody(aiohttp.StreamReader):
    """A body without a buffer: what the parser finds goes into its connection's inflow at once.

    The parser cannot be given another body than its own, so that one is turned into this.
    """

    __slots__ = ()  # the same layout as the original, so that one can become the other
    _protocol: Reader

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        """Bytes of the body."""
        del size
        reader = self._protocol
        if reader.inflow is not None:
            reader.inflow.feed(data, reader.came_ns)
        return False

    def begin_http_chunk_receiving(self) -> None:
        """A chunk begins."""
        self._protocol.is_in_chunk = True

    def end_http_chunk_receiving(self) -> None:
        """A chunk has ended."""
        self._protocol.is_in_chunk = False

    def feed_eof(self) -> None:
        """The end of the body; the connection may serve another request from here on."""
        reader, inflow = self._protocol, self._protocol.inflow
        reader.inflow = None
        super().feed_eof()
        if inflow is not None:
            inflow.end()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """The connection was lost, or what came was not HTTP. A body that is over has no connection any more."""
        super().set_exception(exc, *cause)
        if self.is_eof():
            return
        inflow = self._protocol.inflow
        if inflow is not None:
            inflow.fail(exc)


class Held:
    """Keeps what comes from the head (at `head_ns`) until somebody takes the body: a turn of the loop, no more."""

    def __init__(self, head_ns: int) -> None:
        self.head_ns = head_ns
        self._pieces: list[tuple[bytes, int]] = []
        self._is_over = False
        self._error: BaseException | None = None

    def feed(self, data: bytes, now_ns: int) -> None:
        """See `Inflow`."""
        self._pieces.append((data, now_ns))

    def end(self) -> None:
        """See `Inflow`."""
        self._is_over = True

    def fail(self, error: BaseException) -> None:
        """See `Inflow`."""
        self._error = error

    def hand_over(self, inflow: Inflow) -> None:
        """Everything to another one."""
        for data, now_ns in self._pieces:
            inflow.feed(data, now_ns)
        if self._error is not None:
            inflow.fail(self._error)
        elif self._is_over:
            inflow.end()


class Spout:
    """Pours: every piece goes to `take` with its time, and nobody is woken before the end."""

    def __init__(self, take: Callable[[bytes, int], None]) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._take = take

    def feed(self, data: bytes, now_ns: int) -> None:
        """See `Inflow`."""
        try:
            self._take(data, now_ns)
        except Exception as error:  # noqa: BLE001 - it is raised in the task that reads, not in the parser
            self._take = _spill
            self.fail(error)

    def end(self) -> None:
        """See `Inflow`."""
        if not self.over.done():
            self.over.set_result(None)

    def fail(self, error: BaseException) -> None:
        """See `Inflow`."""
        if not self.over.done():
            self.over.set_exception(error)


class Tap:
    """For somebody who takes bytes at his own pace: if much of them is here, the host must wait."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._is_stopped = self._is_over = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes, now_ns: int) -> None:
        """See `Inflow`; when it came is of no interest here."""
        del now_ns
        self._parts.append(data)
        self._size += len(data)
        # Not for what was held of an answer that is over: its connection may serve somebody else by now.
        if self._size > _MOST_HELD_BYTES and not self._is_stopped and self._reader.inflow is self:
            self._is_stopped = True
            self._reader.pause_reading()
        self._wake()

    def end(self) -> None:
        """See `Inflow`."""
        self._is_over = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """See `Inflow`."""
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


def _spill(data: bytes, now_ns: int) -> None:
    """What comes after a piece that was refused."""


def _no_clock() -> int:
    """Before the first request nobody asks when something came."""
    return 0
