"""What the faults of the wire have in common: they stand between the application and the connection of one request.

Each fault of a request becomes a `Link`; links form a chain from the application to the client. A piece is one message
of the body as the server writes it: one line of a stream, or the whole of a short answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from toolkit.host.app.exchange import ConnectionCutError

if TYPE_CHECKING:
    from toolkit.host.clock import Clock
    from toolkit.host.faults.connection import Connection
    from toolkit.host.faults.when import Asked

F = TypeVar("F")
Send = Callable[[dict[str, Any]], Awaitable[None]]

HEAD, BODY = "http.response.start", "http.response.body"


class OverError(Exception):
    """The fault has ended the answer; the application need not go on."""


class Doors(Protocol):
    """Where connections come in."""

    def shut_for(self, duration_ns: int, /) -> None:
        """Refuse new connections from now on, for so long."""

    def is_shut(self) -> bool:
        """Whether a request that has come in nevertheless must be refused: the mock has no port to close."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One request and its connection. `connection` is None where the server does not let us at it."""

    asked: Asked
    connection: Connection | None
    clock: Clock
    doors: Doors
    gone: Callable[[], Awaitable[None]]
    """Returns when the client has gone; to be awaited only before the application runs."""

    @property
    def speaks_openai(self) -> bool:
        """Whether errors have OpenAI's shape here."""
        return self.asked.path.startswith("/v1/")

    def cut(self) -> Exception:
        """End the connection without an end of the answer; what to raise then."""
        if self.connection is None:
            return ConnectionCutError()
        self.connection.cut()
        return OverError()

    def reset(self) -> Exception:
        """Send a reset; what to raise then."""
        if self.connection is None:
            return ConnectionCutError()
        self.connection.reset()
        return OverError()

    async def wait_ns(self, duration_ns: int | None) -> None:
        """Let time pass; None: for ever."""
        if duration_ns is None:
            await asyncio.Event().wait()
        else:
            await self.clock.sleep_ns(duration_ns)


class Link(Generic[F]):
    """Passes everything on; a fault's own link overrides what is different. `pieces` counts those of the body."""

    def __init__(self, fault: F, wire: Wire, send: Send) -> None:
        self.fault = fault
        self.wire = wire
        self.pass_on = send
        self.pieces = 0
        self.media_type = ""

    async def before(self) -> None:
        """The request has come, the application does not know of it yet. Raises OverError to keep it so."""

    async def send(self, message: dict[str, Any]) -> None:
        """Something from the application."""
        if message["type"] == HEAD:
            self.media_type = _media_type(message)
            await self.head(message)
            return
        if message.get("body"):
            await self.piece(message)
            self.pieces += 1
        else:
            await self.pass_on(message)

    async def head(self, message: dict[str, Any]) -> None:
        """The head of the answer."""
        await self.pass_on(message)

    async def piece(self, message: dict[str, Any]) -> None:
        """A piece of the body."""
        await self.pass_on(message)

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream of lines or events."""
        return self.media_type in {"application/x-ndjson", "text/event-stream"}


def error_body(message: str, *, openai: bool) -> dict[str, Any]:
    """An error in the API's shape, native or OpenAI's."""
    if openai:
        return {"error": {"message": message, "type": "api_error", "param": None, "code": None}}
    return {"error": message}


def whole_answer(status: int, media_type: str, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The messages of a short answer."""
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    head = {"type": HEAD, "status": status, "headers": headers}
    return head, {"type": BODY, "body": body, "more_body": False}


def json_answer(status: int, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The messages of a short JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return whole_answer(status, "application/json; charset=utf-8", body)


def without(message: dict[str, Any], *names: bytes) -> dict[str, Any]:
    """A head without some headers."""
    return {**message, "headers": [(name, value) for name, value in message["headers"] if name.lower() not in names]}


def _media_type(message: dict[str, Any]) -> str:
    for name, value in message["headers"]:
        if name.lower() == b"content-type":
            text: str = value.decode("latin-1")
            return text.partition(";")[0].strip().lower()
    return ""
