"""The exchanges of calls that change what is installed: pull and create report progress, delete says nothing. Pure.

A transfer ends well with the line `success`. An error may come as `{"error": …}` under status 200, at any point.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.ollama import failures
from toolkit.ollama.exchange import Exchange
from toolkit.ollama.json_fields import WrongJsonError, count_field, load_object, text_field
from toolkit.ollama.ndjson import LineSplitter, LineTooLongError
from toolkit.ollama.types import Deleted, StreamEvent, TransferLine, Transferred
from toolkit.ollama.wire import JSON, NDJSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.ollama.errors import Progress
    from toolkit.ollama.failures import Where
    from toolkit.ollama.wire import WireRequest

SUCCESS = "success"
_MAX_EMPTY_BYTES = 64 * 1024


class TransferExchange(Exchange[TransferLine, Transferred]):
    """A stream of progress lines, the last of which is `success`."""

    accepts = (NDJSON, JSON)

    def __init__(self, request: WireRequest, where: Where, model: str) -> None:
        super().__init__(request, where)
        self._model = model
        self._lines = LineSplitter()
        self._blobs: dict[str, int] = {}
        self._doing = "its first line"

    def progress(self) -> Progress:
        """How far it has come: `doing` is the status last reported."""
        return replace(super().progress(), doing=self._doing)

    def _take(self, chunk: bytes, now_ns: int) -> Iterable[TransferLine]:
        try:
            lines = self._lines.feed(chunk)
        except LineTooLongError as error:
            raise WrongJsonError(f"a line of more than {error.limit_bytes} bytes") from None
        for line in lines:
            if not self.is_done and line.strip():
                yield self._line(line, now_ns)

    def _finish(self, now_ns: int) -> Iterable[TransferLine]:
        rest = self._lines.rest()
        if rest.strip() and not self.is_done:
            try:
                line = self._line(rest, now_ns)
            except WrongJsonError:
                how = f"stopped in the middle of a line of {len(rest)} bytes"
                raise failures.stream_broke(self.where, how, self.progress()) from None
            yield line
        if not self.is_done:
            raise failures.stream_broke(self.where, "stopped before its last line", self.progress())

    def _line(self, data: bytes, now_ns: int) -> TransferLine:
        record = load_object(data)
        if record.get("error"):
            raise failures.error_line(self.where, record["error"], self.progress())
        line = parse_transfer_line(record, now_ns)
        self._doing = line.status
        if line.digest is not None and line.total_bytes is not None:
            self._blobs[line.digest] = line.total_bytes
        if line.status == SUCCESS:
            self._done_ns = now_ns
            self._answer = Transferred(self._model, tuple(self._blobs.items()), self.times)
        return line


class DeleteExchange(Exchange[StreamEvent, Deleted]):
    """A success without a body."""

    def __init__(self, request: WireRequest, where: Where, model: str) -> None:
        super().__init__(request, where)
        self._model = model
        self._body = bytearray()

    def _take(self, chunk: bytes, now_ns: int) -> Iterable[StreamEvent]:  # noqa: ARG002 - only the end's time counts
        self._body += chunk[: _MAX_EMPTY_BYTES - len(self._body)]
        return ()

    def _finish(self, now_ns: int) -> Iterable[StreamEvent]:
        if bytes(self._body).strip() not in {b"", b"null", b"{}"}:
            raise WrongJsonError("a success that should say nothing has a body")
        self._done_ns = now_ns
        self._answer = Deleted(self._model, self.times)
        return ()


def parse_transfer_line(record: Mapping[str, Any], at_ns: int) -> TransferLine:
    """One line of `/api/pull` or `/api/create`. Raises WrongJsonError."""
    status = text_field(record, "status")
    if not status:
        raise WrongJsonError("a line of progress has neither 'status' nor 'error'")
    return TransferLine(
        at_ns,
        status,
        text_field(record, "digest") or None,
        count_field(record, "total"),
        count_field(record, "completed") or 0,
    )
