"""An answer whose head has come, and how its pieces pass: each at once, and noted on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from toolkit.gateway.reading import WholeLines
from toolkit.gateway.refusal import Why
from toolkit.ollama.errors import OllamaError, StreamBrokeError
from toolkit.ollama.wire import JSON, NDJSON

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.course import Course
    from toolkit.gateway.gate import Turn
    from toolkit.gateway.reading import Reader
    from toolkit.ollama.answer_stream import RelayStream

_OK: Final = 200


class Reply(Protocol):
    """An answer that can be read once."""

    course: Course

    @property
    def status(self) -> int:
        """Its status."""
        ...

    @property
    def content_type(self) -> str:
        """Its media type."""
        ...

    async def pour(self, take: Callable[[bytes], bool | None]) -> bool:
        """Hand its pieces, whole lines only, to `take` the moment they come, until it returns True: enough for now.

        Returns whether that was all; if not, call it again. Raises OllamaError or Refusal if it does not reach its end.
        """
        ...


class Asks(Protocol):
    """Asks a model; `Dispatcher` does, and `Remembering`."""

    def asks(self, ask: Ask) -> AbstractAsyncContextManager[Reply]:
        """Ask, and have the answer while the block runs. Raises Refusal."""
        ...


async def whole_body(reply: Reply) -> bytes:
    """All of an answer at once. Raises as `Reply.pour` does."""
    parts: list[bytes] = []
    await reply.pour(parts.append)
    return b"".join(parts)


class HostReply:
    """An answer of a host; see `Reply`. `is_there`: to be called when the answer shows that its model is in memory."""

    def __init__(
        self,
        stream: RelayStream,
        course: Course,
        reader: Reader,
        turn: Turn | None,
        *,
        clock_ns: Callable[[], int],
        is_there: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._is_there = is_there
        self._reader = reader
        self._turn = turn
        self._clock_ns = clock_ns
        self._lines = WholeLines()
        self.course = course

    @property
    def status(self) -> int:
        """See `Reply`."""
        return self._stream.status

    @property
    def content_type(self) -> str:
        """See `Reply`."""
        return self._stream.content_type

    async def pour(self, take: Callable[[bytes], bool | None]) -> bool:
        """See `Reply`; half a line before a break is not passed on."""
        course, read, whole_lines = self.course, self._reader.feed, self._lines.feed

        def passing(chunk: bytes) -> bool | None:
            if course.first_ns is None:
                self._begins()
            read(chunk)
            whole = whole_lines(chunk)
            return take(whole) if whole else None

        try:
            if not await self._stream.pour(passing):
                return False
            self._reader.end()
            self._check_end()
        except OllamaError:
            course.outcome = Why.HOST_FAILED.label
            raise
        if rest := self._lines.rest():
            take(rest)
        reading = course.reading
        course.outcome = "ok" if self.status == _OK and reading.error is None else "error"
        if self._turn is not None:
            self._turn.answered = course.outcome == "ok"
        return True

    def _begins(self) -> None:
        self.course.first_ns = self._clock_ns()
        if self.status == _OK:
            self._is_there()

    def _check_end(self) -> None:
        """A host, or a proxy before it, can end an answer as if it were complete. Raises StreamBrokeError."""
        reading, ask = self.course.reading, self.course.ask
        if reading.error is not None or (self.status != _OK and not self.content_type.startswith((JSON, NDJSON))):
            return
        has_end = self.status != _OK or reading.done or ask.kind == "embed" or self._reader.is_too_long
        if self._reader.is_cut or not has_end:
            where = f"host {self.course.host}: POST {ask.path} ({ask.model})"
            raise StreamBrokeError(f"{where} ended before its answer was complete; look into the server's log")
