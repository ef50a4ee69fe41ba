"""`LLMClient`: ask in a text, get an answer from the right model, and let the strategy care for the host's memory.

    with LLMClient(OllamaClient(url), router, manager) as llm:
        print(llm.ask("write a function that reverses a list").text)     # from a thread
        answer = await llm.chat("and in Rust?")                          # from a task of any loop
        print(llm.usage().total.output_tokens)

One client may be shared by any number of threads, event loops and tasks: all its connections live on one I/O thread of
its own, where the questions' steps are put in one order; only waiting happens in parallel.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self

from toolkit.llm.parts import LLMAnswer, Question
from toolkit.llm.turn import Engine, Turn
from toolkit.llm.usage import Usage, UsageMeter
from toolkit.ollama.io_thread import IoThread
from toolkit.ollama.types import ChatMessage
from toolkit.replay.make_room import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from toolkit.llm.parts import Cache, Host, Route
    from toolkit.ollama.types import StreamEvent
    from toolkit.replay.dispatch import RoutesText


class LLMClient:
    """Router, cache manager, host and usage as one; it owns the host's client and closes it.

    `host` must not be used by others, as its connections belong to this object's I/O thread. `options` are runner and
    sampling options by model name. `clock_ns` is monotonic and must be the clock of `cache`'s strategy, if it has any.

    Every question raises `OllamaError` if the host fails it, and `InputError` if there is nothing to answer or to
    route by; it is counted in `usage` under the model as `/api/ps` spells it, however it ends.
    """

    def __init__(
        self,
        host: Host,
        router: RoutesText,
        cache: Cache,
        *,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        patience: Patience | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._host = host
        self._meter = UsageMeter()
        self._io = IoThread("hotswap-llm")
        self._engine = Engine(
            host,
            router,
            cache,
            self._meter,
            options=options or {},
            patience=patience or Patience(),
            clock_ns=clock_ns,
        )

    async def chat(self, prompt: str | Sequence[ChatMessage] | Question) -> LLMAnswer:
        """Ask, from a task of any event loop; a text is one user message. Cancelling closes the connection at once."""
        return await self._io.run_async(_whole(self._engine, _question(prompt)))

    def ask(self, prompt: str | Sequence[ChatMessage] | Question) -> LLMAnswer:
        """As `chat`, from any thread; Ctrl-C closes the connection at once."""
        return self._io.run(_whole(self._engine, _question(prompt)))

    def stream(self, prompt: str | Sequence[ChatMessage] | Question) -> LLMStream:
        """As `chat`, with the events as they come. Nothing is sent before the stream is entered."""
        return LLMStream(Turn(self._engine, _question(prompt)), self._io)

    def usage(self) -> Usage:
        """What has been used so far; from any thread."""
        return self._meter.snapshot()

    async def settled(self) -> None:
        """Wait until nothing runs beside the questions any more: the strategy's preloads, a look at `/api/ps`."""
        await self._io.run_async(self._engine.settled())

    def close(self) -> None:
        """Close every connection; questions under way fail, preloads are given up."""
        self._io.close(self._host.aclose())

    async def aclose(self) -> None:
        """As `close`, without blocking the loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class LLMStream:
    """An answer as it comes: enter it to ask, iterate for the events, then read `answer`.

    Leaving it before the end closes the connection at once; the question then counts as cancelled.
    """

    def __init__(self, turn: Turn, io: IoThread) -> None:
        self._turn = turn
        self._io = io

    @property
    def route(self) -> Route:
        """Where the question goes, and why; known before it is sent."""
        return self._turn.route

    @property
    def answer(self) -> LLMAnswer:
        """The finished answer. Raises RuntimeError if the stream was not read to its end."""
        return self._turn.answer

    async def __aenter__(self) -> Self:
        try:
            await self._io.run_async(self._turn.open())
        except BaseException:  # cancelled at the very moment when it had opened: nobody else would close it
            await self._io.run_async(self._turn.close())
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._io.run_async(self._turn.close())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        event = await self._io.run_async(self._turn.next_event())
        if event is None:
            raise StopAsyncIteration
        return event


async def _whole(engine: Engine, question: Question) -> LLMAnswer:
    turn = Turn(engine, question)
    await turn.open()
    try:
        while await turn.next_event() is not None:
            pass
        answer = turn.answer
    finally:
        await turn.close()
    return answer


def _question(prompt: str | Sequence[ChatMessage] | Question) -> Question:
    if isinstance(prompt, Question):
        return prompt
    return Question((ChatMessage("user", prompt),) if isinstance(prompt, str) else tuple(prompt))
