"""An answer as it comes: the shell around an exchange, which waits for bytes, measures, and limits time."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from toolkit.ollama.exchange import NOTHING
from toolkit.ollama.patience import Patience
from toolkit.ollama.relay import Relayed
from toolkit.ollama.transport import TransportError
from toolkit.ollama.types import StreamEvent, TransferLine, Transferred

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from types import TracebackType

    from toolkit.ollama.exchange import Exchange
    from toolkit.ollama.relay import RelayExchange
    from toolkit.ollama.timeouts import Timeouts
    from toolkit.ollama.transport import Take, Transport, WireResponse

    TakePiece = Callable[[bytes], bool | None]

A = TypeVar("A")
E = TypeVar("E")
T = TypeVar("T")

NS_PER_S = 1_000_000_000
_DRAIN_S = 1.0  # for the end of a body whose last line is here; after that its connection is not worth waiting for


class EventStream(Generic[E, A]):
    """An answer as it comes: enter it to send the request, iterate for the events, then read `answer`.

    Leaving it before the end closes the connection at once; the server then stops generating, and a load that this
    request caused is given up.
    """

    def __init__(
        self,
        exchange: Exchange[E, A],
        transport: Transport,
        timeouts: Timeouts,
        first_byte_ns: int | None,
        clock: Callable[[], int],
    ) -> None:
        self._exchange = exchange
        self._transport = transport
        self._timeouts = timeouts
        self._first_byte_ns = first_byte_ns
        self._clock = clock
        self._deadline_s: float | None = None
        self._response: WireResponse | None = None
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._events: Iterator[E] = iter(())
        self._ended = False
        self._patience = Patience()

    @property
    def answer(self) -> A:
        """The finished answer.

        Raises:
            RuntimeError: the stream was not read to its end.
        """
        return self._exchange.answer

    @property
    def is_done(self) -> bool:
        """Whether the last line has come."""
        return self._exchange.is_done

    @property
    def has_token(self) -> bool:
        """Whether a token has come."""
        return self._exchange.has_token

    async def finish(self) -> A:
        """Read whatever is left, and give the answer."""
        for _ in self._events:
            pass
        if not self._ended:
            await self._read_on()
        return self.answer

    async def _read_on(self) -> None:
        """Read to the end in one go, with no task woken for what comes on the way."""
        exchange = self._exchange
        try:
            await self._patience.keep(self._take_all(), self._until_s())
        except TransportError as error:
            if not exchange.is_done:
                raise exchange.failed(error, self._timeouts.connect_ns) from error
        except TimeoutError:
            if not exchange.is_done:
                limit_ns = self._timeouts.idle_ns if exchange.has_begun else self._first_byte_ns
                raise exchange.timed_out(limit_ns or 0) from None
        self._ended = True
        if not exchange.is_done:
            for _ in exchange.end(self._clock()):
                pass

    async def _take_all(self) -> None:
        """Every chunk to the exchange; the limit is moved on as bytes come, at most once in a tenth of the idle time.

        So the longest pause is between one and 1.1 idle times: a look at the loop's clock costs as much as a chunk.
        """
        chunks, response, exchange, clock = self._chunks, self._response, self._exchange, self._clock
        if response is None:
            raise RuntimeError("enter the stream with `async with` before reading it")
        idle_ns = self._timeouts.idle_ns
        now_s, move = asyncio.get_running_loop().time, self._patience.move
        move_at_ns, drains = -math.inf, exchange.is_done

        def take(chunk: bytes, now_ns: int) -> None:
            nonlocal move_at_ns, drains
            events = exchange.data(chunk, now_ns)
            if events is not NOTHING:
                for _ in events:
                    pass
                if exchange.is_done and not drains:
                    drains = True
                    move(now_s() + _DRAIN_S)
            if now_ns >= move_at_ns and not drains:
                move(None if idle_ns is None else now_s() + 1.1 * idle_ns / NS_PER_S)
                move_at_ns = math.inf if idle_ns is None else now_ns + 0.1 * idle_ns

        if chunks is None:
            await response.pour(take)
            return
        async for chunk in chunks:
            take(chunk, clock())

    async def __aenter__(self) -> Self:
        exchange, limit_ns = self._exchange, self._first_byte_ns
        if limit_ns is not None:
            self._deadline_s = asyncio.get_running_loop().time() + limit_ns / NS_PER_S
        connect_ns = self._timeouts.connect_ns
        exchange.begin(self._clock())
        try:
            response = await self._patience.keep(
                self._transport.send(
                    exchange.request, None if connect_ns is None else connect_ns / NS_PER_S, self._clock, self._opened
                ),
                self._deadline_s,
            )
        except BaseException as error:
            await self.aclose()
            if isinstance(error, TransportError):
                raise exchange.failed(error, connect_ns) from error
            if isinstance(error, TimeoutError):
                raise exchange.timed_out(limit_ns or 0) from None
            raise
        self._response = response
        return self

    def _opened(self, response: WireResponse) -> Take | None:
        """The head is here. Raises OllamaError if the answer cannot be one."""
        self._exchange.head(response.status, response.headers, response.head_ns)
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while True:
            event = next(self._events, None)
            if event is not None:
                return event
            if self._ended:
                raise StopAsyncIteration
            chunk = await self._next_chunk()
            if chunk is None:
                self._ended = True
                if not self._exchange.is_done:
                    self._events = self._exchange.end(self._clock())
            else:
                self._events = self._exchange.data(chunk, self._clock())

    async def aclose(self) -> None:
        """Let go of the connection; at once, if the answer is not complete. Can be called again."""
        chunks, response = self._chunks, self._response
        self._chunks = self._response = None
        self._ended = True
        self._patience.end()
        try:
            if chunks is not None:
                await chunks.aclose()
        finally:
            if response is not None:
                await response.aclose()

    async def _next_chunk(self) -> bytes | None:
        """The next bytes, None at the end of the body."""
        if self._chunks is None:
            if self._response is None:
                raise RuntimeError("enter the stream with `async with` before reading it")
            self._chunks = self._response.chunks()
        return await self._waited(anext(self._chunks, None), None)

    async def _waited(self, coming: Awaitable[T], at_end: T) -> T:
        """Wait for what comes of the body, within the limits; `at_end` if that fails when the answer is complete."""
        exchange = self._exchange
        try:
            return await self._patience.keep(coming, self._until_s())
        except TransportError as error:
            if exchange.is_done:
                return at_end
            raise exchange.failed(error, self._timeouts.connect_ns) from error
        except TimeoutError:
            if exchange.is_done:
                return at_end
            limit_ns = self._timeouts.idle_ns if exchange.has_begun else self._first_byte_ns
            raise exchange.timed_out(limit_ns or 0) from None

    def _until_s(self) -> float | None:
        """Until when the next bytes must come, on the loop's clock; None: whenever."""
        if not self._exchange.has_begun and not self._exchange.is_done:
            return self._deadline_s
        now_s, idle_ns = asyncio.get_running_loop().time(), self._timeouts.idle_ns
        if self._exchange.is_done:
            return now_s + _DRAIN_S
        return None if idle_ns is None else now_s + idle_ns / NS_PER_S


class AnswerStream(EventStream[StreamEvent, A]):
    """An answer of pieces of text."""


class TransferStream(EventStream[TransferLine, Transferred]):
    """A pull or a creation, with its progress line by line."""


class RelayStream(EventStream[bytes, Relayed]):
    """An answer that is passed on, in the pieces in which it comes.

    `opened` is called as soon as the head is here, and may give what takes the pieces from then on: who does goes on
    with `pour` and the same.
    """

    def __init__(
        self,
        exchange: RelayExchange,
        transport: Transport,
        timeouts: Timeouts,
        first_byte_ns: int | None,
        clock: Callable[[], int],
        *,
        opened: Callable[[], TakePiece | None],
    ) -> None:
        super().__init__(exchange, transport, timeouts, first_byte_ns, clock)
        self._relay = exchange
        self._tell: Callable[[], TakePiece | None] = opened

    async def pour(self, take: TakePiece) -> bool:
        """Hand every piece to `take` the moment it arrives, in place of iterating; see `WireResponse.pour`.

        A piece moves the limit of the next one by a number, not by a timer.
        """
        response = self._response
        if response is None:
            raise RuntimeError("enter the stream with `async with` before reading it")
        is_over = await self._waited(response.pour(self._heard(take)), at_end=True)
        if is_over and not self._ended:
            self._ended = True
            self._relay.end(self._clock())
        return is_over

    async def aclose(self) -> None:
        """See `EventStream`; who was to be told may hold this stream, and neither is to hold the other for ever."""
        self._tell = nobody
        await super().aclose()

    def _opened(self, response: WireResponse) -> Take | None:
        super()._opened(response)
        take = self._tell()
        return None if take is None else self._heard(take)

    def _heard(self, take: TakePiece) -> Take:
        """Hands on to `take`, and keeps time."""
        passed, move, now_s = self._relay.passed, self._patience.move, asyncio.get_running_loop().time
        idle_s = math.inf if self._timeouts.idle_ns is None else self._timeouts.idle_ns / NS_PER_S

        def heard(chunk: bytes, now_ns: int) -> bool | None:
            passed(chunk, now_ns)
            move(now_s() + idle_s)
            return take(chunk)

        return heard

    @property
    def status(self) -> int:
        """The status, 0 before the stream is entered."""
        return self._relay.status

    @property
    def content_type(self) -> str:
        """The answer's media type as the server wrote it."""
        return self._relay.content_type


def nobody() -> None:
    """Nobody takes pieces before they are asked for."""
