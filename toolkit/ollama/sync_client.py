"""The client for threads: the same calls, waited for instead of awaited. All the work is `OllamaClient`'s.

with SyncOllamaClient("http://127.0.0.1:11434") as client:
    print(client.version().text)
    with client.stream_chat(request) as stream:
        for event in stream:
            print(event.text, end="")
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from toolkit.ollama.client import OllamaClient
from toolkit.ollama.io_thread import IoThread
from toolkit.ollama.types import StreamEvent, TransferLine, Transferred

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from toolkit.ollama.address import Address
    from toolkit.ollama.answer_stream import EventStream
    from toolkit.ollama.timeouts import Timeouts
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
        TimedAnswer,
        Version,
    )

A = TypeVar("A")
E = TypeVar("E")


class SyncOllamaClient:
    """One host, shared by any number of threads. Arguments and errors are those of `OllamaClient`.

    Ctrl-C in a waiting thread closes that call's connection at once. Close it, or use `with`.
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
        self._client = OllamaClient(
            address, timeouts=timeouts, headers=headers, bearer=bearer, transport=transport, clock=clock
        )
        self._io = IoThread()

    @property
    def address(self) -> Address:
        """The host."""
        return self._client.address

    @property
    def notes(self) -> tuple[str, ...]:
        """See `OllamaClient.notes`."""
        return self._client.notes

    def chat(self, request: ChatRequest) -> ChatAnswer:
        """See `OllamaClient.chat`."""
        return self._io.run(self._client.chat(request))

    def stream_chat(self, request: ChatRequest) -> SyncAnswerStream[ChatAnswer]:
        """See `OllamaClient.stream_chat`."""
        return SyncAnswerStream(self._client.stream_chat(request), self._io)

    def stream_timed_chat(self, request: ChatRequest) -> SyncAnswerStream[TimedAnswer]:
        """See `OllamaClient.stream_timed_chat`."""
        return SyncAnswerStream(self._client.stream_timed_chat(request), self._io)

    def chat_unstreamed(self, request: ChatRequest) -> ChatAnswer:
        """See `OllamaClient.chat_unstreamed`."""
        return self._io.run(self._client.chat_unstreamed(request))

    def generate(self, request: GenerateRequest) -> GenerateAnswer:
        """See `OllamaClient.generate`."""
        return self._io.run(self._client.generate(request))

    def stream_generate(self, request: GenerateRequest) -> SyncAnswerStream[GenerateAnswer]:
        """See `OllamaClient.stream_generate`."""
        return SyncAnswerStream(self._client.stream_generate(request), self._io)

    def generate_unstreamed(self, request: GenerateRequest) -> GenerateAnswer:
        """See `OllamaClient.generate_unstreamed`."""
        return self._io.run(self._client.generate_unstreamed(request))

    def load(
        self, model: str, *, keep_alive_ns: int | None = None, options: Mapping[str, Any] | None = None
    ) -> LoadAnswer:
        """See `OllamaClient.load`."""
        return self._io.run(self._client.load(model, keep_alive_ns=keep_alive_ns, options=options))

    def unload(self, model: str) -> LoadAnswer:
        """See `OllamaClient.unload`."""
        return self._io.run(self._client.unload(model))

    def pull(self, model: str) -> Transferred:
        """See `OllamaClient.pull`."""
        return self._io.run(self._client.pull(model))

    def stream_pull(self, model: str) -> SyncTransferStream:
        """See `OllamaClient.stream_pull`."""
        return SyncTransferStream(self._client.stream_pull(model), self._io)

    def create(self, request: CreateRequest) -> Transferred:
        """See `OllamaClient.create`."""
        return self._io.run(self._client.create(request))

    def stream_create(self, request: CreateRequest) -> SyncTransferStream:
        """See `OllamaClient.stream_create`."""
        return SyncTransferStream(self._client.stream_create(request), self._io)

    def delete(self, model: str) -> Deleted:
        """See `OllamaClient.delete`."""
        return self._io.run(self._client.delete(model))

    def ps(self) -> tuple[RunningModel, ...]:
        """See `OllamaClient.ps`."""
        return self._io.run(self._client.ps())

    def tags(self) -> tuple[InstalledModel, ...]:
        """See `OllamaClient.tags`."""
        return self._io.run(self._client.tags())

    def show(self, model: str, *, in_full: bool = False) -> ModelInfo:
        """See `OllamaClient.show`."""
        return self._io.run(self._client.show(model, in_full=in_full))

    def version(self) -> Version:
        """See `OllamaClient.version`."""
        return self._io.run(self._client.version())

    def close(self) -> None:
        """Close every connection; calls under way fail."""
        self._io.close(self._client.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SyncEventStream(Generic[E, A]):
    """An answer as it comes, for one thread; see `EventStream`."""

    def __init__(self, stream: EventStream[E, A], io: IoThread) -> None:
        self._stream = stream
        self._io = io

    @property
    def answer(self) -> A:
        """The finished answer. Raises RuntimeError if the stream was not read to its end."""
        return self._stream.answer

    @property
    def is_done(self) -> bool:
        """Whether the last line has come."""
        return self._stream.is_done

    @property
    def has_token(self) -> bool:
        """Whether a token has come."""
        return self._stream.has_token

    def finish(self) -> A:
        """Read whatever is left, and give the answer."""
        return self._io.run(self._stream.finish())

    def close(self) -> None:
        """Let go of the connection; at once, if the answer is not complete."""
        self._io.run(self._stream.aclose())

    def __enter__(self) -> Self:
        try:
            self._io.run(self._stream.__aenter__())
        except BaseException:  # interrupted at the very moment when it had opened: nobody else would close it
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        found = self._io.run(_next(self._stream))
        if not found:
            raise StopIteration
        return found[0]


class SyncAnswerStream(SyncEventStream[StreamEvent, A]):
    """An answer of pieces of text; see `AnswerStream`."""


class SyncTransferStream(SyncEventStream[TransferLine, Transferred]):
    """A pull or a creation; see `TransferStream`."""


async def _next(stream: EventStream[E, A]) -> tuple[E, ...]:
    """The next event, nothing at the end."""
    async for event in stream:
        return (event,)
    return ()
