"""One request and its answer: reading the body, noticing that the client has gone, writing with Go's framing.

Go's server sends a Content-Length where the whole answer fits its buffer of 2048 bytes and chunks otherwise; every
flush of a stream is one chunk. Headers go out sorted, then Date, then the length.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from toolkit.host.app.gojson import encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
    Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

BUFFER_BYTES = 2048
JSON_TYPE = "application/json; charset=utf-8"
_NS_PER_S = 1_000_000_000
_NO_BODY_STATUS = frozenset({204, 304})


class ClientGoneError(Exception):
    """The client closed the connection before its answer was complete."""


class ConnectionCutError(Exception):
    """The server closes the connection without ending the answer."""


@dataclass(slots=True)
class Answer:
    """What a handler gives back: a body, or an iterator of chunks that are flushed one by one."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = b""
    """None: nothing was written at all, which shows in an answer to HEAD."""
    stream: AsyncIterator[bytes] | None = None
    flushed: bool = False
    """Whether the body was flushed, and so is chunked whatever its size."""
    bare: bool = False
    """As Go refuses what no handler is asked about: no headers but these, and the connection ends."""
    reason: str | None = None


def json_answer(value: Any, status: int = 200) -> Answer:
    """A JSON body as the native endpoints send it."""
    return Answer(status, [("Content-Type", JSON_TYPE)], encode(value))


def error_answer(status: int, message: str) -> Answer:
    """`{"error": …}`."""
    return json_answer({"error": message}, status)


@dataclass(slots=True)
class Call:
    """One request, as handlers see it. `params` are the variable parts of the path."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """By lower-case name; of repeated headers the first."""
    receive: Receive
    started_ns: int
    http_version: str = "1.1"
    params: dict[str, str] = field(default_factory=dict)
    _body: bytes | None = None
    _gone: asyncio.Task[None] | None = None

    async def body(self) -> bytes:
        """The whole body. Raises ClientGoneError."""
        if self._body is None:
            parts: list[bytes] = []
            more = True
            while more:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
            self._body = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._body

    def replace_body(self, body: bytes) -> None:
        """Let handlers read this instead."""
        self._body = body

    async def while_here(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work`, but cancel it as soon as the client goes.

        Raises:
            ClientGoneError: it went; `work` has been cancelled.
        """
        task = asyncio.ensure_future(work)
        gone = self._watch()
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ClientGoneError
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _watch(self) -> asyncio.Task[None]:
        if self._gone is None:
            self._gone = asyncio.ensure_future(self._wait_until_gone())
        return self._gone

    async def _wait_until_gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def done(self) -> None:
        """The answer is complete: stop watching."""
        if self._gone is not None:
            self._gone.cancel()


async def send_answer(call: Call, answer: Answer, send: Send, wall_ns: int) -> None:
    """Write an answer."""
    stream = answer.stream
    if stream is None:
        await _send_whole(call, answer, send, wall_ns)
        return
    await _start(answer, send, wall_ns, [("Transfer-Encoding", "chunked")] if call.http_version != "1.0" else [])
    try:
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        aclose = getattr(stream, "aclose", None)
        if aclose is not None:
            await aclose()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_whole(call: Call, answer: Answer, send: Send, wall_ns: int) -> None:
    body = answer.body
    extra: list[tuple[str, str]] = []
    if answer.status in _NO_BODY_STATUS or (body is None and call.method == "HEAD"):
        body = b""
    elif body is not None and (answer.flushed or len(body) > BUFFER_BYTES) and call.http_version != "1.0":
        extra.append(("Transfer-Encoding", "chunked"))
    else:
        body = body or b""
        extra.append(("Content-Length", str(len(body))))
    await _start(answer, send, wall_ns, extra)
    await send({"type": "http.response.body", "body": b"" if call.method == "HEAD" else body, "more_body": False})


async def _start(answer: Answer, send: Send, wall_ns: int, extra: list[tuple[str, str]]) -> None:
    headers = [*sorted(answer.headers, key=_header_key), ("Date", _date(wall_ns // _NS_PER_S)), *extra]
    if answer.bare:
        headers = [*answer.headers, ("Connection", "close")]
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "reason": answer.reason,
            "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers],
        }
    )


@functools.lru_cache(maxsize=4)
def _date(seconds: int) -> str:
    return email.utils.formatdate(seconds, usegmt=True)


def _header_key(header: tuple[str, str]) -> str:
    return header[0]
