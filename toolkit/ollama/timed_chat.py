r"""A streamed chat of which the times matter and the words hardly do. Pure; what a load engine reads by the thousand.

Only lines that may be more than a token are decoded as they come: a line is taken for one token, unread, if it ends in
`"done":false}` (the object's last member then, whatever stands in texts, where a quote is written `\"`) and has a
`"content"` that is not empty. All others (the first of some servers, thinking, tool calls, errors, the last) are read
in full. Lines are kept as bytes; their text is made when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.ollama import failures
from toolkit.ollama.exchange import NOTHING, ReadExchange
from toolkit.ollama.json_fields import WrongJsonError, load_object
from toolkit.ollama.ndjson import LineSplitter, LineTooLongError
from toolkit.ollama.parsing import parse_chat_line
from toolkit.ollama.types import Counters, StreamEvent, TimedAnswer, Times
from toolkit.ollama.wire import JSON, NDJSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toolkit.ollama.errors import StreamBrokeError
    from toolkit.ollama.failures import Where
    from toolkit.ollama.wire import WireRequest

OK = 200
_NOT_LAST, _SOME_TEXT, _NO_TEXT = b'"done":false}', b'"content":"', b'"content":""'


class TimedChatExchange(ReadExchange[StreamEvent, TimedAnswer]):
    """See the module; it gives no events, only an answer."""

    accepts = (NDJSON, JSON)

    def __init__(self, request: WireRequest, where: Where) -> None:
        super().__init__(request, where)
        self._lines = LineSplitter()
        self._is_in_the_flow = False  # good so far, not over, and all that came ended with a line
        self._token_ns: list[int] = []
        self._kept: list[bytes] = []

    @property
    def has_token(self) -> bool:
        """Whether a token has come."""
        return bool(self._token_ns)

    @property
    def has_begun(self) -> bool:
        """See `Exchange`."""
        return self._has_body or self.has_token

    @property
    def times(self) -> Times:
        """When what has happened so far did."""
        tokens = self._token_ns
        first, last = (tokens[0], tokens[-1]) if tokens else (None, None)
        return Times(self._sent_ns, self._headers_ns, first, last, self._done_ns)

    def head(self, status: int, headers: Mapping[str, str], now_ns: int) -> None:
        """See `Exchange`."""
        super().head(status, headers, now_ns)
        self._is_in_the_flow = status == OK

    def data(self, chunk: bytes, now_ns: int) -> Iterator[StreamEvent]:
        """See `Exchange.data`; what nearly always comes, one token in one chunk, is dealt with here."""
        if (
            self._is_in_the_flow
            and chunk.find(b"\n") == len(chunk) - 1
            and chunk.endswith(_NOT_LAST, 0, -1)
            and _SOME_TEXT in chunk
            and _NO_TEXT not in chunk
        ):
            self._kept.append(chunk)
            self._token_ns.append(now_ns)
            return NOTHING
        return super().data(chunk, now_ns)

    def _token(self, line: bytes, now_ns: int) -> None:
        self._kept.append(line)
        self._token_ns.append(now_ns)

    def _take(self, chunk: bytes, now_ns: int) -> Iterable[StreamEvent]:
        self._is_in_the_flow = chunk.endswith(b"\n") and self._answer is None
        try:
            lines = self._lines.feed(chunk)
        except LineTooLongError as error:
            raise WrongJsonError(f"a line of more than {error.limit_bytes} bytes") from None
        for line in lines:
            if self.is_done or not line.strip():
                continue
            if line.endswith(_NOT_LAST) and _SOME_TEXT in line and _NO_TEXT not in line:
                self._token(line, now_ns)
            else:
                self._line(line, now_ns)
        return ()

    def _finish(self, now_ns: int) -> Iterable[StreamEvent]:
        rest = self._lines.rest()
        if rest.strip() and not self.is_done:
            try:
                self._line(rest, now_ns)
            except WrongJsonError:
                raise self._broke(f"stopped in the middle of a line of {len(rest)} bytes") from None
        if not self.is_done:
            raise self._broke("stopped before its last line")
        return ()

    def _line(self, line: bytes, now_ns: int) -> None:
        record = load_object(line)
        if record.get("error"):
            raise failures.error_line(self.where, record["error"], self.progress())
        event = parse_chat_line(record, now_ns)
        self._kept.append(line)
        if event.is_token:
            self._token_ns.append(now_ns)
        if event.done:
            self._is_in_the_flow = False
            self._done_ns = now_ns
            counters = event.counters or Counters()
            tokens = tuple(self._token_ns)
            self._answer = TimedAnswer(event.model, event.done_reason, counters, self.times, tokens, tuple(self._kept))

    def _broke(self, how: str) -> StreamBrokeError:
        return failures.stream_broke(self.where, how, self.progress())

    def _so_far(self) -> tuple[str, str]:
        try:
            return texts_of(self._kept)
        except WrongJsonError:  # a line that was taken unread for a token: how far it came is not worth an error
            return "", ""


def texts_of(lines: Iterable[bytes]) -> tuple[str, str]:
    """Text and thinking of the lines of a chat. Raises WrongJsonError."""
    events = [parse_chat_line(load_object(line), 0) for line in lines]
    return "".join(event.text for event in events), "".join(event.thinking for event in events)
