"""An answer whose head has come, and how its pieces pass: each at once, and noted on its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from toolkit.gateway.reading import WholeLines
from toolkit.gateway.refusal import Why
from toolkit.ollama.errors import OllamaError, StreamBrokeError
from toolkit.ollama.wire import JSON, NDJSON

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.course import Course
    from toolkit.gateway.gate import Turn
    from toolkit.gateway.reading import Reader
    from toolkit.ollama.answer_stream import RelayStream

_OK: Final = 200
_SAID_BY_HOST: Final = {404: "model_not_found", 503: "host_busy"}
_SERVERS_FAULT: Final = 500

Take: TypeAlias = Callable[[bytes], bool | None]
"""Takes a piece of an answer; True: that is enough for now."""


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

    async def pour(self, take: Take) -> bool:
        """Hand its pieces, whole lines only, to `take` the moment they come, until it returns True: enough for now.

        Returns whether that was all; if not, call it again. Raises OllamaError or Refusal if it does not reach its end.
        """
        ...


Opened: TypeAlias = Callable[[Reply], Take | None]
"""Is told of an answer whose head has come; gives what takes its pieces from then on, None: they are held."""


class Asks(Protocol):
    """Asks a model; `Dispatcher` does, and `Remembering`."""

    def asks(self, ask: Ask, opened: Opened = ...) -> AbstractAsyncContextManager[Reply]:
        """Ask, and have the answer while the block runs. Raises Refusal.

        `opened` is called before the block begins: where all is well, in the very callback that reads the head, so that
        what it gives has the first piece before a task could be woken. The block goes on with `pour` and the same.
        """
        ...


def held(_reply: Reply) -> None:
    """Nobody takes pieces before they are asked for."""


async def whole_body(reply: Reply) -> bytes:
    """All of an answer at once. Raises as `Reply.pour` does."""
    parts: list[bytes] = []
    await reply.pour(parts.append)
    return b"".join(parts)


class HostReply:
    """An answer of a host; see `Reply`. `is_there`: to be called when the answer shows that its model is in memory."""

    def __init__(
        self,
        course: Course,
        reader: Reader,
        turn: Turn | None,
        *,
        clock_ns: Callable[[], int],
        is_there: Callable[[], None],
        opened: Opened,
    ) -> None:
        self._opened: Opened | None = opened
        self._is_there = is_there
        self._reader = reader
        self._turn = turn
        self._clock_ns = clock_ns
        self._lines = WholeLines()
        self.course = course

    def comes_by(self, stream: RelayStream) -> None:
        """This is how it comes."""
        self._stream = stream

    @property
    def status(self) -> int:
        """See `Reply`."""
        return self._stream.status

    @property
    def content_type(self) -> str:
        """See `Reply`."""
        return self._stream.content_type

    def head_came(self) -> Take | None:
        """The head is here. An answer that another host may take the place of is told of later, by `tell`."""
        return self.tell() if self.status == _OK else None

    def tell(self) -> Take | None:
        """This is the answer; to be said once, which is when the client may be told."""
        opened, self._opened = self._opened, None  # who is told may hold this
        if opened is None:
            return None
        self.course.status = self.status
        take = opened(self)
        return None if take is None else self._passing(take)

    async def pour(self, take: Take) -> bool:
        """See `Reply`; half a line before a break is not passed on."""
        course = self.course
        try:
            if not await self._stream.pour(self._passing(take)):
                return False
            self._reader.end()
            self._check_end()
        except OllamaError:
            course.outcome = Why.HOST_FAILED.label
            raise
        if rest := self._lines.rest():
            take(rest)
        reading = course.reading
        course.outcome = _outcome(self.status, reading.error)
        if self._turn is not None:
            self._turn.answered = course.outcome == "ok"
        return True

    def _passing(self, take: Take) -> Take:
        """Notes each piece, and hands on what is whole of it."""
        course, read, whole_lines = self.course, self._reader.feed, self._lines.feed

        def passing(chunk: bytes) -> bool | None:
            if course.first_ns is None:
                self._begins()
            read(chunk)
            whole = whole_lines(chunk)
            return take(whole) if whole else None

        return passing

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


def _outcome(status: int, error: str | None) -> str:
    """What an answer that came to its end is called in statistics, by what the host said."""
    if status == _OK:
        return "ok" if error is None else "host_error"
    return _SAID_BY_HOST.get(status) or ("host_refused" if status < _SERVERS_FAULT else "host_error")
