"""The exchanges of calls that change what is installed: pull and create report progress, delete says nothing. Pure.

A transfer ends well with the line `success`. An error may come as `{"error": …}` under status 200, at any point.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.ollama.exchange import LinesExchange, ReadExchange
from toolkit.ollama.json_fields import WrongJsonError, count_field, text_field
from toolkit.ollama.types import Deleted, StreamEvent, TransferLine, Transferred

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.ollama.errors import Progress
    from toolkit.ollama.failures import Where
    from toolkit.ollama.wire import WireRequest

SUCCESS = "success"
_MAX_EMPTY_BYTES = 64 * 1024


class TransferExchange(LinesExchange[TransferLine, Transferred]):
    """A stream of progress lines, the last of which is `success`."""

    def __init__(self, request: WireRequest, where: Where, model: str) -> None:
        super().__init__(request, where)
        self._model = model
        self._blobs: dict[str, int] = {}
        self._doing = "its first line"

    def progress(self) -> Progress:
        """How far it has come: `doing` is the status last reported."""
        return replace(super().progress(), doing=self._doing)

    def _line(self, line: bytes, now_ns: int) -> TransferLine:
        progress = parse_transfer_line(self._record(line), now_ns)
        self._doing = progress.status
        if progress.digest is not None and progress.total_bytes is not None:
            self._blobs[progress.digest] = progress.total_bytes
        if progress.status == SUCCESS:
            self._done_ns = now_ns
            self._answer = Transferred(self._model, tuple(self._blobs.items()), self.times)
        return progress


class DeleteExchange(ReadExchange[StreamEvent, Deleted]):
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
