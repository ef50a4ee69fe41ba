"""One call and its answer, without I/O: the shell tells what arrived and when, and gets events and errors.

    begin ── head ── data … data ── end ── answer
                └────────┴───────────┴──── an OllamaError with the progress so far

`DocumentExchange` reads one JSON object, `StreamExchange` lines of them; pulls and deletes have theirs in
`toolkit.ollama.transfer`. A shell calls each method as things happen,
with its clock's time; whatever a method raises ends the call. All that the shells (plain and shared by threads, httpx
and later others) have in common is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from toolkit.ollama import failures
from toolkit.ollama.errors import Progress
from toolkit.ollama.json_fields import WrongJsonError, load_object
from toolkit.ollama.ndjson import LineSplitter, LineTooLongError
from toolkit.ollama.statuses import answered_error
from toolkit.ollama.types import StreamEvent, Times
from toolkit.ollama.wire import JSON, NDJSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from toolkit.ollama.errors import OllamaError, StreamBrokeError
    from toolkit.ollama.failures import Where
    from toolkit.ollama.transport import TransportError
    from toolkit.ollama.types import ToolCall
    from toolkit.ollama.wire import WireRequest

A = TypeVar("A")
E = TypeVar("E")
"""What arrives on the way to the answer: pieces of text, or the progress of a transfer."""

NOTHING: Iterator[Any] = iter(())
"""No events, and no change of state but that there is one more token."""
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = range(200, 300)


class Exchange(ABC, Generic[E, A]):
    """What all kinds share: times, the head, error bodies, failures."""

    accepts: tuple[str, ...] = (JSON,)

    def __init__(self, request: WireRequest, where: Where) -> None:
        self.request = request
        self.where = where
        self._sent_ns = 0
        self._headers_ns: int | None = None
        self._first_token_ns: int | None = None
        self._last_token_ns: int | None = None
        self._done_ns: int | None = None
        self._status = 0
        self._is_json = False
        self._error_body = bytearray()
        self._answer: A | None = None
        self._has_body = False

    @property
    def has_begun(self) -> bool:
        """Whether the first byte of the answer's body is here; until then the limit is that of the first byte."""
        return self._has_body

    @property
    def has_token(self) -> bool:
        """Whether something of the answer itself is here."""
        return self._first_token_ns is not None

    @property
    def is_done(self) -> bool:
        """Whether the answer is complete; what the connection does after that does not matter."""
        return self._answer is not None

    @property
    def times(self) -> Times:
        """When what has happened so far did."""
        return Times(self._sent_ns, self._headers_ns, self._first_token_ns, self._last_token_ns, self._done_ns)

    @property
    def answer(self) -> A:
        """The finished answer."""
        if self._answer is None:
            raise RuntimeError("the answer is not finished: read the stream to its end first")
        return self._answer

    def begin(self, now_ns: int) -> None:
        """The request is handed to the transport."""
        self._sent_ns = now_ns

    def head(self, status: int, headers: Mapping[str, str], now_ns: int) -> None:
        """Status and headers (names in lower case) are here."""
        self._headers_ns = now_ns
        self._status = status
        if status in _REDIRECTS:
            raise failures.redirect_error(self.where, status, headers.get("location", ""), self.progress())
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._is_json = kind in {"", JSON, NDJSON}
        coding = headers.get("content-encoding", "identity")
        if coding != "identity":
            what = f"was answered compressed ({failures.quoted(coding)}), which nobody asked for"
            raise failures.protocol_error(self.where, what, self.progress())
        if status in _OK and kind and kind not in self.accepts:
            what = f"was answered with {failures.quoted(kind)} instead of {' or '.join(self.accepts)}"
            raise failures.protocol_error(self.where, what, self.progress())

    @abstractmethod
    def data(self, chunk: bytes, now_ns: int) -> Iterator[E]:
        """Bytes of the body are here; the events that they complete, then perhaps an error. To be used up."""

    @abstractmethod
    def end(self, now_ns: int) -> Iterator[E]:
        """The body is complete; the events that only its end completes, then perhaps an error. To be used up."""

    def failed(self, error: TransportError, connect_ns: int | None) -> OllamaError:
        """The transport gave up."""
        if self._status and self._status not in _OK:
            return self._answered()  # the status has said what is wrong, even if its explanation is cut
        return failures.transport_error(self.where, error.fault, error.detail, connect_ns, self.progress())

    def timed_out(self, limit_ns: int) -> OllamaError:
        """The limit in force has passed: that of the first byte, or that of the pause between two chunks."""
        if self._status and self._status not in _OK:
            return self._answered()
        if self._has_body:
            return failures.idle_timeout(self.where, limit_ns, self.progress())
        return failures.first_byte_timeout(self.where, limit_ns, self.progress())

    def progress(self) -> Progress:
        """How far the call has come."""
        text, thinking = self._so_far()
        return Progress(self.where.address.url, self.where.call, self.times, text, thinking)

    def _answered(self) -> OllamaError:
        return answered_error(
            self.where, self._status, bytes(self._error_body), is_json=self._is_json, progress=self.progress()
        )

    def _so_far(self) -> tuple[str, str]:
        return "", ""


class ReadExchange(Exchange[E, A]):
    """An answer that is read here, and must be the API's."""

    def data(self, chunk: bytes, now_ns: int) -> Iterator[E]:
        """See `Exchange`; a status that is no success has its explanation kept."""
        self._has_body = self._has_body or bool(chunk)
        if self._status not in _OK:
            self._error_body += chunk[: _MAX_ERROR_BYTES - len(self._error_body)]
            return
        try:
            yield from self._take(chunk, now_ns)
        except WrongJsonError as error:
            raise self._not_the_api(error) from None

    def end(self, now_ns: int) -> Iterator[E]:
        """See `Exchange`; a status that is no success is raised."""
        if self._status not in _OK:
            raise self._answered()
        try:
            yield from self._finish(now_ns)
        except WrongJsonError as error:
            raise self._not_the_api(error) from None

    def _not_the_api(self, error: WrongJsonError) -> OllamaError:
        return failures.protocol_error(self.where, f"was answered with something else: {error}", self.progress())

    @abstractmethod
    def _take(self, chunk: bytes, now_ns: int) -> Iterable[E]:
        """Bytes of the body. Raises WrongJsonError if it is not the API's."""

    @abstractmethod
    def _finish(self, now_ns: int) -> Iterable[E]:
        """The body is complete. Raises WrongJsonError if it is not the API's."""


class DocumentExchange(ReadExchange[StreamEvent, A]):
    """An answer of one JSON object; `read` makes the typed answer of it and of the times."""

    def __init__(self, request: WireRequest, where: Where, read: Callable[[Mapping[str, Any], Times], A]) -> None:
        super().__init__(request, where)
        self._read = read
        self._body = bytearray()

    def _take(self, chunk: bytes, now_ns: int) -> Iterable[StreamEvent]:  # noqa: ARG002 - only the end's time counts
        self._body += chunk
        if len(self._body) > MAX_DOCUMENT_BYTES:
            raise WrongJsonError(f"more than {MAX_DOCUMENT_BYTES} bytes")
        return ()

    def _finish(self, now_ns: int) -> Iterable[StreamEvent]:
        record = load_object(bytes(self._body))
        if record.get("error"):
            raise failures.error_line(self.where, record["error"], self.progress())
        self._done_ns = now_ns
        self._answer = self._read(record, self.times)
        return ()


class LinesExchange(ReadExchange[E, A]):
    """An answer of JSON lines; a kind of it says what a line means and which is the last."""

    accepts = (NDJSON, JSON)

    def __init__(self, request: WireRequest, where: Where) -> None:
        super().__init__(request, where)
        self._lines = LineSplitter()

    def _take(self, chunk: bytes, now_ns: int) -> Iterable[E]:
        try:
            lines = self._lines.feed(chunk)
        except LineTooLongError as error:
            raise WrongJsonError(f"a line of more than {error.limit_bytes} bytes") from None
        for line in lines:
            if not self.is_done and line.strip():
                yield self._line(line, now_ns)

    def _finish(self, now_ns: int) -> Iterable[E]:
        rest = self._lines.rest()
        if rest.strip() and not self.is_done:
            try:
                event = self._line(rest, now_ns)
            except WrongJsonError:
                raise self._broke(f"stopped in the middle of a line of {len(rest)} bytes") from None
            yield event
        if not self.is_done:
            raise self._broke("stopped before its last line")

    def _broke(self, how: str) -> StreamBrokeError:
        return failures.stream_broke(self.where, how, self.progress())

    def _record(self, line: bytes) -> dict[str, Any]:
        """A line, decoded. Raises ErrorLineError if it is the server's own error."""
        record = load_object(line)
        if record.get("error"):
            raise failures.error_line(self.where, record["error"], self.progress())
        return record

    @abstractmethod
    def _line(self, line: bytes, now_ns: int) -> E:
        """One line, which may be the last. Raises WrongJsonError if it is not the API's."""


class StreamExchange(LinesExchange[StreamEvent, A]):
    """An answer of JSON lines, the last of which has `done`; `read` makes the typed answer of all of them.

    A load or unload is one object without a line end, which is taken as the last line.
    """

    def __init__(
        self,
        request: WireRequest,
        where: Where,
        parse_line: Callable[[Mapping[str, Any], int], StreamEvent],
        read: Callable[[StreamEvent, Times], A],
    ) -> None:
        super().__init__(request, where)
        self._parse_line = parse_line
        self._read = read
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._last: StreamEvent | None = None
        self._calls: list[ToolCall] = []

    def _line(self, line: bytes, now_ns: int) -> StreamEvent:
        event = self._parse_line(self._record(line), now_ns)
        self._text.append(event.text)
        self._thinking.append(event.thinking)
        self._calls.extend(event.tool_calls)
        if event.is_token:
            self._last_token_ns = now_ns
            if self._first_token_ns is None:
                self._first_token_ns = now_ns
        if event.done:
            self._done_ns = now_ns
            text, thinking = self._so_far()
            whole = replace(event, text=text, thinking=thinking, tool_calls=tuple(self._calls))
            self._answer = self._read(whole, self.times)
        return event

    def _so_far(self) -> tuple[str, str]:
        return "".join(self._text), "".join(self._thinking)
