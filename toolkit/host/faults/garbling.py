"""Answers that are wrong: an error status, an error in mid-stream, half a line, another content type."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from toolkit.host.faults.when import RequestWhen
from toolkit.host.faults.wire import (
    BODY,
    Link,
    OverError,
    error_body,
    json_answer,
    whole_answer,
    without,
)

QUEUE_FULL = "server busy, please try again.  maximum pending requests exceeded"
RUNNER_DIED = "an error was encountered while running the model: unexpected EOF"
_INTERNAL = "internal server error"
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpError:
    """An error status instead of an answer, in the API's own form. The message is by default what the server says."""

    status: Annotated[int, Field(ge=400, le=599)] = 500
    message: str | None = None
    when: RequestWhen = field(default_factory=RequestWhen)

    @property
    def words(self) -> str:
        """The message."""
        if self.message is not None:
            return self.message
        return QUEUE_FULL if self.status == _UNAVAILABLE else _INTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLine:
    """After so many pieces a stream ends with `{"error": …}`, under status 200. An unstreamed answer is a 500."""

    after_pieces: Annotated[int, Field(ge=1)] = 1
    message: str = RUNNER_DIED
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLine:
    """After so many pieces comes half of the next, and then nothing: the connection is `cut`, or the answer `ends`.

    With `rest` the other half follows as a piece of its own, which is allowed and must not confuse a reader.
    """

    after_pieces: Annotated[int, Field(ge=0)] = 1
    then: Literal["cut", "end", "rest"] = "cut"
    when: RequestWhen = field(default_factory=RequestWhen)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongContentType:
    """The answer claims to be something else; with `body` it is something else, as from a proxy."""

    content_type: Annotated[str, Field(min_length=1)] = "text/html"
    body: str | None = None
    when: RequestWhen = field(default_factory=RequestWhen)


class HttpErrorLink(Link[HttpError]):
    """Answers with an error."""

    async def before(self) -> None:
        """See `Link`."""
        fault = self.fault
        for message in json_answer(fault.status, error_body(fault.words, openai=self.wire.speaks_openai)):
            await self.pass_on(message)
        raise OverError


class ErrorLineLink(Link[ErrorLine]):
    """Ends a stream with an error."""

    async def head(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        if self.streams:
            await self.pass_on(message)
            return
        for part in json_answer(500, self._error()):
            await self.pass_on(part)
        raise OverError

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        if self.pieces < self.fault.after_pieces:
            await self.pass_on(message)
            return
        text = json.dumps(self._error(), ensure_ascii=False, separators=(",", ":"))
        line = f"data: {text}\n\n" if self.media_type == "text/event-stream" else f"{text}\n"
        await self.pass_on({"type": BODY, "body": line.encode(), "more_body": True})
        await self.pass_on({"type": BODY, "body": b"", "more_body": False})
        raise OverError

    def _error(self) -> dict[str, Any]:
        return error_body(self.fault.message, openai=self.wire.speaks_openai)


class HalfLineLink(Link[HalfLine]):
    """Breaks a piece in two."""

    async def head(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        # Half an answer that ends regularly contradicts its length; a server that means it so sends chunks.
        await self.pass_on(without(message, b"content-length") if self.fault.then == "end" else message)

    async def piece(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        if self.pieces != self.fault.after_pieces:
            await self.pass_on(message)
            return
        body = message["body"]
        half = len(body) // 2
        await self.pass_on({"type": BODY, "body": body[:half], "more_body": True})
        if self.fault.then == "rest":
            await self.pass_on({**message, "body": body[half:]})
            return
        if self.fault.then == "cut":
            raise self.wire.cut()
        await self.pass_on({"type": BODY, "body": b"", "more_body": False})
        raise OverError


class WrongContentTypeLink(Link[WrongContentType]):
    """Claims to be something else."""

    async def head(self, message: dict[str, Any]) -> None:
        """See `Link`."""
        content_type = self.fault.content_type
        if self.fault.body is None:
            kept = without(message, b"content-type")
            await self.pass_on({**kept, "headers": [*kept["headers"], (b"content-type", content_type.encode())]})
            return
        for part in whole_answer(message["status"], content_type, self.fault.body.encode()):
            await self.pass_on(part)
        raise OverError
