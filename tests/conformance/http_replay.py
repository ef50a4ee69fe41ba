"""Plays recorded requests against a server, byte for byte, and compares the answers with the recorded ones.

What no two runs share is masked: times, durations, drawn ids, embedding values, the order of a Go map.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_S = 20.0
_TIMES = re.compile(r"(_at$|_duration$|^created$|^id$|_id$|^logprob$)")
_MODELS_FOLDER = re.compile(r"(/[\w.-]+)*/models[\w.]*/")
_UNORDERED = {"modelfile", "parameters"}
"""Texts with a line for each parameter, in the order of a Go map."""


@dataclass(slots=True)
class Reply:
    """An answer as it came over the wire."""

    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    framing: str
    body: str
    chunks: list[str] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


async def exchange(base_url: str, raw: bytes, *, head: bool = False) -> Reply | None:
    """Send bytes on a fresh connection and read one answer; None if the server closes without one."""
    host, _, port = base_url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(raw)
        async with asyncio.timeout(TIMEOUT_S):
            return await read_reply(reader, head=head)
    finally:
        writer.close()


async def read_reply(reader: asyncio.StreamReader, *, head: bool = False) -> Reply | None:
    """Read one answer; interim answers are skipped."""
    line = (await reader.readline()).decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    version, status, reason = (*line.split(" ", 2), "")[:3]
    headers: list[tuple[str, str]] = []
    while text := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
        name, _, value = text.partition(": ")
        headers.append((name, value))
    reply = Reply(int(status), reason, version, headers, "none", "")
    if status == "100":
        return await read_reply(reader, head=head)
    length, coding = reply.header("content-length"), reply.header("transfer-encoding")
    if head or status in {"204", "304"}:
        return reply
    if length is not None:
        reply.framing, reply.body = "content-length", (await reader.readexactly(int(length))).decode("utf-8", "replace")
    elif coding == "chunked":
        reply.framing = "chunked"
        reply.chunks = [chunk async for chunk in _chunks(reader)]
        reply.body = "".join(reply.chunks)
    else:
        reply.framing, reply.body = "close", (await reader.read()).decode("utf-8", "replace")
    return reply


async def _chunks(reader: asyncio.StreamReader) -> Any:
    while size := int(await reader.readline(), 16):
        yield (await reader.readexactly(size)).decode("utf-8", "replace")
        await reader.readline()
    await reader.readline()


def raw_request(request: dict[str, Any]) -> bytes:
    """A recorded request as bytes; `Content-Length` is that of the recorded body."""
    headers = request["headers"]
    items = list(headers.items() if isinstance(headers, dict) else headers)
    body = request.get("body")
    data = body.encode() if isinstance(body, str) else b""
    lines = [f"{request['method']} {request['path']} HTTP/1.1"]
    lines += [f"{name}: {len(data) if name.lower() == 'content-length' else value}" for name, value in items]
    if data and not any(name.lower() == "content-length" for name, _ in items):
        lines.append(f"Content-Length: {len(data)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def replayable(case: dict[str, Any]) -> bool:
    """Whether a case can be judged by itself: sent whole, answered whole, and about no state left by others."""
    request, response = case.get("request"), case.get("response") or {}
    if request is None or "status" not in response or "body_note" in request or isinstance(request.get("body"), dict):
        return False
    if response.get("client_aborted_s") or "interim" in response:
        return False
    by_hand = {"general/root-nohost", "general/connect-bad", "errors/hdr-huge", "errors/keepalive-conn"}
    return case["id"] not in by_hand and not case["id"].startswith("empty_host") and request["path"] != "/api/ps"


def wanted(response: dict[str, Any]) -> Reply:
    """A recorded answer."""
    chunks = [chunk["data"] for chunk in response.get("chunks", ()) if isinstance(chunk["data"], str)]
    body = "".join(chunks) if "chunks" in response else response.get("body") or ""
    headers = [(name, value) for name, value in response["headers"]]
    return Reply(response["status"], response["reason"], "HTTP/1.1", headers, response["framing"], body, chunks)


def differences(got: Reply | None, want: Reply) -> list[str]:
    """What distinguishes two answers; empty if nothing does."""
    if got is None:
        return ["the connection was closed"]
    found = [
        f"{name}: wanted {old!r}, got {new!r}"
        for name, old, new in (
            ("status", want.status, got.status),
            ("reason", want.reason, got.reason),
            ("headers", _plain_headers(want.headers), _plain_headers(got.headers)),
            ("framing", want.framing, got.framing),
            ("chunks", len(want.chunks), len(got.chunks)),
        )
        if old != new
    ]
    old_frames, new_frames = _frames(want.body), _frames(got.body)
    for place, (old, new) in enumerate(zip(old_frames, new_frames, strict=False)):
        if old != new:
            found.append(f"message {place}: wanted {old[:700]}, got {new[:700]}")
            break
    if len(old_frames) != len(new_frames):
        found.append(f"{len(old_frames)} messages wanted, {len(new_frames)} came")
    return found


def _plain_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    masked = {"Date": "…", "Content-Length": "…"}
    return [(name, masked.get(name, value)) for name, value in headers]


def _frames(text: str) -> list[str]:
    """Each line of a body: what it is marked with, and its JSON with the masks applied."""
    found = []
    for line in text.splitlines():
        mark, data = ("data: ", line[6:]) if line.startswith("data: ") else ("", line)
        if data.strip():
            try:
                found.append(mark + json.dumps(_masked(json.loads(data), "")))
            except ValueError:
                found.append(line)
    return found


def _masked(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _masked(item, name) for name, item in value.items()}
    if key in {"embedding", "embeddings"}:
        return _form(value)
    if isinstance(value, list):
        items = [_masked(item, key) for item in value]
        return sorted(items, key=json.dumps) if key in {"models", "data"} else items
    if _TIMES.search(key):
        return "text" if isinstance(value, str) and value else value if isinstance(value, str) else "number"
    if isinstance(value, str):
        text = _MODELS_FOLDER.sub("/models/", value)
        return sorted(text.split("\n")) if key in _UNORDERED else text
    return value


def _form(value: Any) -> Any:
    """The shape of an embedding: lengths of lists, of base64 texts."""
    if isinstance(value, list):
        return [len(value), *({json.dumps(_form(item)) for item in value} if value else ())]
    return len(value) if isinstance(value, str) else type(value).__name__
