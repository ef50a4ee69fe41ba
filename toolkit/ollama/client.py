"""The client of a host's native API, on asyncio.

    async with OllamaClient("http://127.0.0.1:11434") as client:
        answer = await client.chat(ChatRequest("qwen2.5:7b", (ChatMessage("user", "hi"),)))
        async with client.stream_chat(request) as stream:
            async for event in stream:
                print(event.text, end="")

What the bytes mean is decided in `toolkit.ollama.exchange`; waiting, measuring and limiting time is the work of
`toolkit.ollama.answer_stream`. Nothing is sent twice: a measurement that retries in secret measures nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from toolkit.ollama.address import Address, parse_address
from toolkit.ollama.answer_stream import AnswerStream, RelayStream, TransferStream, nobody
from toolkit.ollama.calls import Calls
from toolkit.ollama.timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from toolkit.ollama.answer_stream import TakePiece
    from toolkit.ollama.exchange import Exchange
    from toolkit.ollama.transport import Transport
    from toolkit.ollama.types import (
        ChatAnswer,
        ChatRequest,
        CreateRequest,
        Deleted,
        GenerateAnswer,
        GenerateRequest,
        InstalledModel,
        LoadAnswer,
        ModelInfo,
        RunningModel,
        StreamEvent,
        TimedAnswer,
        Transferred,
        Version,
    )
    from toolkit.ollama.wire import WireRequest

A = TypeVar("A")


class OllamaClient:
    """One host. Any number of tasks of one event loop may share it; for threads see `toolkit.ollama.sync_client`.

    `address` is a base URL (a `/v1` at its end is left off, see `notes`). `headers` go with each request, `bearer` is
    a token. `transport` replaces httpx, `clock` is a monotonic clock in nanoseconds. Close it, or use `async with`.

    Every call raises an `OllamaError` (see `toolkit.ollama.errors`) if the host does not do what it is asked. When a
    task is cancelled in a call, the connection is closed at once, so that the server stops working on it.
    """

    def __init__(
        self,
        address: Address | str,
        *,
        timeouts: Timeouts | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        transport: Transport | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.address = parse_address(address) if isinstance(address, str) else address
        self.timeouts = timeouts or Timeouts()
        self._transport = transport or _default_transport(self.address)
        self._clock = clock
        self._calls = Calls(self.address, _headers(self.address, headers or {}, bearer))

    @property
    def notes(self) -> tuple[str, ...]:
        """What in the address was understood differently from how it was written, one sentence each."""
        return self.address.notes

    async def chat(self, request: ChatRequest) -> ChatAnswer:
        """Chat to the end of the answer. It is streamed underneath, so that the times of its tokens are known."""
        async with self.stream_chat(request) as stream:
            return await stream.finish()

    def stream_chat(self, request: ChatRequest) -> AnswerStream[ChatAnswer]:
        """Chat, with the events as they come. Nothing is sent before the stream is entered."""
        return self._stream(self._calls.chat_stream(request), self.timeouts.first_byte_ns)

    def stream_timed_chat(self, request: ChatRequest) -> AnswerStream[TimedAnswer]:
        """Chat for the times alone: no events, `finish` gives the answer. Costs a fraction of `stream_chat`."""
        return self._stream(self._calls.chat_timed(request), self.timeouts.first_byte_ns)

    async def chat_unstreamed(self, request: ChatRequest) -> ChatAnswer:
        """Chat with `"stream": false`: one JSON object, whose tokens have no times."""
        return await self._finished(self._calls.chat_whole(request), self.timeouts.first_byte_ns)

    async def generate(self, request: GenerateRequest) -> GenerateAnswer:
        """As `chat`, for a bare prompt. An empty prompt loads the model."""
        async with self.stream_generate(request) as stream:
            return await stream.finish()

    def stream_generate(self, request: GenerateRequest) -> AnswerStream[GenerateAnswer]:
        """As `stream_chat`, for a bare prompt."""
        return self._stream(self._calls.generate_stream(request), self.timeouts.first_byte_ns)

    async def generate_unstreamed(self, request: GenerateRequest) -> GenerateAnswer:
        """As `chat_unstreamed`, for a bare prompt."""
        return await self._finished(self._calls.generate_whole(request), self.timeouts.first_byte_ns)

    async def load(
        self, model: str, *, keep_alive_ns: int | None = None, options: Mapping[str, Any] | None = None
    ) -> LoadAnswer:
        """Load a model, or set the keep_alive of a loaded one; returns when it is there.

        Raises:
            UsageError: `keep_alive_ns` is 0, which would unload.
        """
        return await self._finished(self._calls.load(model, keep_alive_ns, options), self.timeouts.first_byte_ns)

    async def unload(self, model: str) -> LoadAnswer:
        """Ask a model to go: at once if idle, after its requests if busy. Returns before it has gone."""
        return await self._finished(self._calls.unload(model), self.timeouts.first_byte_ns)

    async def pull(self, model: str) -> Transferred:
        """Pull a model to the end. Broken off and called again, it goes on where the server's download stopped."""
        async with self.stream_pull(model) as stream:
            return await stream.finish()

    def stream_pull(self, model: str) -> TransferStream:
        """Pull, with its progress as it comes; `idle_ns` also limits the silence while the server verifies digests."""
        return TransferStream(
            self._calls.pull(model), self._transport, self.timeouts, self.timeouts.first_byte_ns, self._clock
        )

    async def create(self, request: CreateRequest) -> Transferred:
        """Make a model of another one; the server pulls that first if it is not there."""
        async with self.stream_create(request) as stream:
            return await stream.finish()

    def stream_create(self, request: CreateRequest) -> TransferStream:
        """As `stream_pull`, for a creation."""
        return TransferStream(
            self._calls.create(request), self._transport, self.timeouts, self.timeouts.first_byte_ns, self._clock
        )

    async def delete(self, model: str) -> Deleted:
        """Delete a model from disk, with the blobs that no other needs. What is loaded of it stays loaded."""
        return await self._finished(self._calls.delete(model), self.timeouts.control_ns)

    async def ps(self) -> tuple[RunningModel, ...]:
        """The models in memory, the latest to expire first."""
        return await self._finished(self._calls.ps(), self.timeouts.control_ns)

    async def tags(self) -> tuple[InstalledModel, ...]:
        """The models on disk, the newest first."""
        return await self._finished(self._calls.tags(), self.timeouts.control_ns)

    async def show(self, model: str, *, in_full: bool = False) -> ModelInfo:
        """What the server knows about a model; in full with all arrays of the GGUF header (megabytes)."""
        return await self._finished(self._calls.show(model, in_full=in_full), self.timeouts.control_ns)

    async def version(self) -> Version:
        """The server's version."""
        return await self._finished(self._calls.version(), self.timeouts.control_ns)

    def stream_relay(
        self,
        request: WireRequest,
        model: str | None = None,
        *,
        waits: bool = True,
        opened: Callable[[], TakePiece | None] = nobody,
    ) -> RelayStream:
        """Pass on a call that somebody else wrote. `waits`: it waits for a model (else `control_ns` is its limit).

        `opened`: see `RelayStream`.
        """
        first_byte_ns = self.timeouts.first_byte_ns if waits else self.timeouts.control_ns
        exchange = self._calls.relay(request, model)
        return RelayStream(exchange, self._transport, self.timeouts, first_byte_ns, self._clock, opened=opened)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _stream(self, exchange: Exchange[StreamEvent, A], first_byte_ns: int | None) -> AnswerStream[A]:
        return AnswerStream(exchange, self._transport, self.timeouts, first_byte_ns, self._clock)

    async def _finished(self, exchange: Exchange[StreamEvent, A], first_byte_ns: int | None) -> A:
        async with self._stream(exchange, first_byte_ns) as stream:
            return await stream.finish()


def _headers(address: Address, given: Mapping[str, str], bearer: str | None) -> tuple[tuple[str, str], ...]:
    headers = {"user-agent": "hotswap"}
    if address.authorization is not None:
        headers["authorization"] = address.authorization
    headers.update({name.lower(): value for name, value in given.items()})
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    return tuple(headers.items())


def _default_transport(address: Address) -> Transport:
    from toolkit.ollama.httpx_transport import HttpxTransport  # noqa: PLC0415 - httpx costs 60 ms; only if it is used

    return HttpxTransport(address)
