"""A host of raw sockets that answers as a script says: byte by byte, stalled by events, torn off where wanted.

It knows nothing of Ollama. A script gets the request it is to answer and the wire to answer it on; when it returns,
the connection waits for its next request, or is closed if the script closed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Script = Callable[["Seen", "Wire"], Awaitable[None]]

NDJSON, JSON = "application/x-ndjson", "application/json; charset=utf-8"


@dataclass(frozen=True)
class Seen:
    """A request as it came: headers in order, names as sent."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Wire:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.closed = False

    async def raw(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def head(self, status: int = 200, kind: str | None = NDJSON, **headers: str) -> None:
        """Begin a chunked answer."""
        lines = [f"HTTP/1.1 {status} Whatever", "Transfer-Encoding: chunked"]
        lines += [] if kind is None else [f"Content-Type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def chunk(self, data: bytes) -> None:
        """One HTTP chunk."""
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def line(self, record: object) -> None:
        """One JSON line in a chunk of its own."""
        await self.chunk(json.dumps(record).encode() + b"\n")

    async def end(self) -> None:
        """The last chunk."""
        await self.raw(b"0\r\n\r\n")

    async def whole(self, status: int, body: bytes, kind: str | None = JSON, **headers: str) -> None:
        """A complete answer with a Content-Length."""
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [] if kind is None else [f"Content-Type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    async def record(self, record: object, status: int = 200) -> None:
        """A complete answer of one JSON object."""
        await self.whole(status, json.dumps(record).encode())

    async def gone(self) -> None:
        """Wait until the client has closed its end."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(65536):
                pass

    def close(self) -> None:
        """Close in an orderly way (FIN)."""
        self.closed = True
        self._writer.close()

    def reset(self) -> None:
        """Tear the connection down (RST)."""
        self.closed = True
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class FakeHost:
    """Serves `script` on a loopback port while entered; `seen` and `connections` tell what came."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.failures: list[Exception] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        assert not self.failures

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(reader, Wire(reader, writer))
        except asyncio.CancelledError:  # the test is over
            pass
        except Exception as error:  # noqa: BLE001 - a script's own failure must fail the test, see __aexit__
            self.failures.append(error)
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, wire: Wire) -> None:
        while not wire.closed:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            first, *rest = head.decode("latin-1").split("\r\n")
            method, path, _ = first.split(" ")
            headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in rest if line))
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            seen = Seen(method, path, headers, await reader.readexactly(length))
            self.seen.append(seen)
            await self.script(seen, wire)


def chat_line(text: str = "", *, done: bool = False, thinking: str | None = None, **more: Any) -> dict[str, Any]:
    """A line of a chat stream, in the server's shape."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking is not None:
        message["thinking"] = thinking
    return {"model": "m:1b", "created_at": "2026-11-22T20:48:51.8Z", "message": message, "done": done, **more}


def last_line(**more: Any) -> dict[str, Any]:
    """The last line of a chat stream, with counters."""
    counters = {
        "total_duration": 90, "load_duration": 40, "prompt_eval_count": 7, "prompt_eval_duration": 20,
        "eval_count": 3, "eval_duration": 30,
    }  # fmt: skip
    return chat_line(done=True, done_reason="stop", **{**counters, **more})


async def answer_chat(_: Seen, wire: Wire) -> None:
    """A script: a short answer in two tokens."""
    await wire.head()
    await wire.line(chat_line("Hel"))
    await wire.line(chat_line("lo"))
    await wire.line(last_line())
    await wire.end()


def scripted(*steps: Callable[[Wire], Any]) -> Script:
    """A script of steps that need only the wire; each may be awaitable."""

    async def script(_: Seen, wire: Wire) -> None:
        for step in steps:
            outcome = step(wire)
            if outcome is not None:
                await outcome

    return script
