"""How bytes come in on a connection of aiohttp: each with the moment of its arrival, and at once to whoever wants them.

aiohttp's own connection and parser do the work; what is added is what hundreds of streams a second need. A body whose
head has come is turned into one without a buffer: its bytes go into a `Body`, not through a task that has to be
woken. And a read of the socket that brings whole chunks, as nearly all do, is taken apart here: the parser, which was
left between two chunks, never has to see them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from aiohttp.http import RawResponseMessage

    from toolkit.ollama.transport import Take

    HeadCame = Callable[[RawResponseMessage, aiohttp.StreamReader, "Body"], Take | None]

_MOST_HELD_BYTES = 1 << 16
"""So much of an answer lies here before the host must wait for whoever takes it."""
_LONGEST_SIZE = 16
"""Digits of the size of a chunk; what is longer, or has more to say, is the parser's."""


class Reader(ResponseHandler):
    """Aiohttp's own connection; see the module. `clock` gives the nanoseconds of every arrival.

    `head_came` is called with each head and its body the moment they are read, and may give what takes the pieces.

    It also goes on reading only if it had stopped: the original goes through its parser with nothing, and asks the loop
    to read on, after every piece that is taken.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.inflow: Body | None = None
        self.clock: Callable[[], int] = _no_clock
        self.head_came: HeadCame | None = None
        self.is_in_chunk = True
        self._refused: Exception | None = None
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
        body, held = data[1], Body(self, self.came_ns)
        if type(body) is aiohttp.StreamReader:
            if here := body.read_nowait():
                held.feed(here, self.came_ns)
            if not body.is_eof():
                self.inflow = held
                self.is_in_chunk = True  # not known before the next chunk ends
                body.__class__ = PouredBody
        if body.is_eof():
            held.end()
        try:
            take = None if self.head_came is None else self.head_came(data[0], body, held)
        except Exception as error:  # noqa: BLE001 - it is raised in the task that waits, not in the parser
            self._refused = error
        else:
            if take is not None:
                held.pass_to(take)
        super().feed_data(data, size)

    async def head(self) -> RawResponseMessage:
        """Wait for the next head. Raises what `head_came` has raised."""
        message, _ = await self.read()
        refused, self._refused = self._refused, None
        if refused is not None:
            raise refused
        return message

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
        begin, length, inflow = 0, len(data), self.inflow
        while begin < length and inflow is not None and self._is_between_chunks:
            mark = data.find(b"\r\n", begin, begin + _LONGEST_SIZE)
            digits = data[begin:mark]
            if mark < 0 or not digits.isalnum():
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


class Body:
    """The body of one answer between its connection and who takes it: passed on at once, or held until asked for.

    Whoever pours is handed every piece in the callback that reads it, so that no task is woken; what comes while nobody
    pours is held, and much of it makes the host wait. `head_ns`: when the head came.
    """

    def __init__(self, reader: Reader, head_ns: int) -> None:
        self.head_ns = head_ns
        self._reader = reader
        self._pieces: deque[tuple[bytes, int]] = deque()
        self._size = 0
        self._is_stopped = self._is_over = False
        self._is_enough = False  # for who took before somebody waited
        self._refused: Exception | None = None  # by who took
        self._error: BaseException | None = None
        self._take: Take | None = None
        self._waiter: asyncio.Future[bool] | None = None

    def pass_to(self, take: Take) -> None:
        """Hand what is held, and what comes, to `take`, which somebody will go on to `pour` to."""
        held, self._pieces, self._size, self._take = self._pieces, deque(), 0, take
        for data, now_ns in held:
            self.feed(data, now_ns)

    def feed(self, data: bytes, now_ns: int) -> None:
        """Bytes have come."""
        take = self._take
        if take is None:
            self._hold(data, now_ns)
            return
        try:
            is_enough = take(data, now_ns)
        except Exception as error:  # noqa: BLE001 - it is raised in the task that reads, not in the parser
            self._refused = error
            self._fail(error)
            return
        if is_enough:
            self._is_enough = self._waiter is None
            self._wake(is_over=False)

    def end(self) -> None:
        """All has come. If the connection had stopped it goes on by itself: it may serve somebody else from here on."""
        self._is_over, self._is_stopped = True, False
        self._wake(is_over=True)

    def fail(self, error: BaseException) -> None:
        """No more will come."""
        self._error = error
        self._fail(error)

    async def pour(self, take: Take) -> bool:
        """See `toolkit.ollama.transport.WireResponse.pour`."""
        if self._refused is not None:
            raise self._refused
        if self._is_enough:
            self._is_enough = False
            return False
        while self._pieces:
            data, now_ns = self._pieces.popleft()
            self._size -= len(data)
            is_enough = take(data, now_ns)
            if not self._pieces and self._is_stopped:
                self._is_stopped = False
                self._reader.resume_reading()
            if is_enough:
                return False
        if self._error is not None:
            raise self._error
        if self._is_over:
            return True
        self._take, self._waiter = take, asyncio.get_running_loop().create_future()
        try:
            return await self._waiter
        finally:
            self._take = self._waiter = None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes that are here, again and again, once there are any."""
        parts: list[bytes] = []

        def take(data: bytes, _: int) -> bool:
            parts.append(data)
            return not self._pieces

        is_over = False
        while not is_over:
            is_over = await self.pour(take)
            if parts:
                whole = parts[0] if len(parts) == 1 else b"".join(parts)
                parts.clear()
                yield whole

    def _hold(self, data: bytes, now_ns: int) -> None:
        self._pieces.append((data, now_ns))
        self._size += len(data)
        if self._size > _MOST_HELD_BYTES and not self._is_stopped and self._reader.inflow is self:
            self._is_stopped = True
            self._reader.pause_reading()

    def _wake(self, *, is_over: bool) -> None:
        self._take, waiter = None, self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(is_over)

    def _fail(self, error: BaseException) -> None:
        self._take, waiter = None, self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)


def _no_clock() -> int:
    """Before the first request nobody asks when something came."""
    return 0
