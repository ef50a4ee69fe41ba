"""What an answer says while it passes: its counters, and its text if somebody wants that. Pure; loses no time.

Lines that only bring text are not decoded unless `texts` is on; the last line, which has the counters, always is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from toolkit.ollama.ndjson import LineSplitter, LineTooLongError

_LAST = b'"done":true'
_ERROR = b'"error"'
_MOST_BYTES = 4 << 20
"""A longer document (many embeddings) is not decoded for its counters."""


@dataclass(slots=True)
class Reading:
    """What was read so far. Counters as the server names them, nanoseconds and counts; None where it gave none."""

    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    tool_calls: list[Any] = field(default_factory=list)
    done: bool = False
    done_reason: str | None = None
    error: str | None = None
    load_ns: int | None = None
    total_ns: int | None = None
    prompt_tokens: int | None = None
    prompt_ns: int | None = None
    answer_tokens: int | None = None
    answer_ns: int | None = None

    def take(self, record: dict[str, Any]) -> None:
        """One line, or the whole document."""
        error = record.get("error")
        if error is not None:
            self.error = error if isinstance(error, str) else json.dumps(error)
        message = record.get("message")
        said: dict[str, Any] = message if isinstance(message, dict) else record
        for key, kept in (("content", self.text), ("response", self.text), ("thinking", self.thinking)):
            piece = said.get(key)
            if isinstance(piece, str) and piece:
                kept.append(piece)
        calls = said.get("tool_calls")
        if isinstance(calls, list):
            self.tool_calls.extend(calls)
        self._take_counters(record)

    def _take_counters(self, record: dict[str, Any]) -> None:
        self.done = self.done or record.get("done") is True
        reason = record.get("done_reason")
        self.done_reason = reason if isinstance(reason, str) else self.done_reason
        self.load_ns = _count(record, "load_duration", self.load_ns)
        self.total_ns = _count(record, "total_duration", self.total_ns)
        self.prompt_tokens = _count(record, "prompt_eval_count", self.prompt_tokens)
        self.prompt_ns = _count(record, "prompt_eval_duration", self.prompt_ns)
        self.answer_tokens = _count(record, "eval_count", self.answer_tokens)
        self.answer_ns = _count(record, "eval_duration", self.answer_ns)


class Reader:
    """Reads an answer's bytes as they pass; `reading` is what it found. What is no JSON is passed over.

    `is_cut`: after `end`, the answer's last line or its document is no whole JSON. `is_too_long`: a line or document
    was too long to be read, so nothing is known of its end.
    """

    def __init__(self, reading: Reading | None = None, *, texts: bool) -> None:
        self.reading = reading or Reading()
        self.is_cut = self.is_too_long = False
        self._texts = texts
        self._last = b""
        self._lines: LineSplitter | None = LineSplitter()
        self._is_at_start = True  # of a line

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        if self._lines is None:
            return
        if self._is_at_start and not self._texts and chunk.endswith(b"\n") and not (_LAST in chunk or _ERROR in chunk):
            self._last = chunk
            return  # whole lines of nothing but text, as nearly all are: not even cut apart
        self._is_at_start = chunk.endswith(b"\n")
        try:
            lines = self._lines.feed(chunk)
        except LineTooLongError:
            self._lines, self.is_too_long = None, True
            return
        for line in lines:
            if self._texts or _LAST in line or _ERROR in line:
                self._take(line)
            self._last = line or self._last

    def end(self) -> None:
        """The answer is complete; a document has no line end."""
        if self._lines is None:
            return
        rest = self._lines.rest().strip()
        if len(rest) > _MOST_BYTES:
            self.is_too_long, self.is_cut = True, not rest.endswith(b"}")
        elif rest:
            self.is_cut = not self._take(rest)
        elif not self.reading.done and self._last:  # perhaps written with blanks, as no Ollama does
            self.is_cut = not self._take(self._last.rstrip().rpartition(b"\n")[2])

    def _take(self, line: bytes) -> bool:
        """False if that is no JSON object."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return False
        if not isinstance(record, dict):
            return False
        self.reading.take(record)
        return True


class WholeLines:
    """Lets through only whole lines; a piece with whole lines alone passes as it is."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """What may go on now, perhaps nothing."""
        if chunk.endswith(b"\n") and not self._held:
            return chunk
        head, end, tail = chunk.rpartition(b"\n")
        if not end:
            self._held.append(chunk)
            return b""
        whole = b"".join((*self._held, head, end))
        self._held = [tail] if tail else []
        return whole

    def rest(self) -> bytes:
        """What stands behind the last line end."""
        return b"".join(self._held)


def _count(record: dict[str, Any], key: str, known: int | None) -> int | None:
    value = record.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else known
