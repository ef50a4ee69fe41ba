"""What goes over the wire, byte for byte where Go's server has habits of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.http_replay import Reply, exchange, read_reply
from toolkit.errors import UsageError
from toolkit.host.app.exchange import ConnectionCutError
from toolkit.host.app.serve import base_url, listening
from toolkit.host.app.wire import MOST_HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.filterwarnings("error")
VERSION = b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()


async def send(url: str, raw: bytes, *, head: bool = False) -> Reply:
    reply = await exchange(url, raw, head=head)
    assert reply is not None
    return reply


def post(path: str, body: Any, *headers: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(data)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


async def test_header_case_and_order(url: str) -> None:
    reply = await send(url, VERSION)
    assert [name for name, _ in reply.headers] == ["Content-Type", "Date", "Content-Length"]
    assert reply.version == "HTTP/1.1"


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header"),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "400 Bad Request"),
        (b"GARBAGE\r\n\r\n", 400, "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n", 400, "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400, "400 Bad Request"),
    ],
)
async def test_requests_that_no_handler_sees(url: str, raw: bytes, status: int, body: str) -> None:
    reply = await send(url, raw)
    assert (reply.status, reply.body, reply.framing) == (status, body, "close")
    assert reply.headers == [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
    assert f"{reply.status} {reply.reason}" == body


async def test_headers_have_a_limit(url: str) -> None:
    fits = await send(url, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n")
    assert fits.status == 403, "only the host is foreign"
    reply = await send(url, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MOST_HEADER_BYTES + b"\r\n\r\n")
    assert (reply.status, reply.body) == (431, "431 Request Header Fields Too Large")


async def test_http_1_0(url: str) -> None:
    plain = await send(url, b"GET /api/version HTTP/1.0\r\n\r\n")
    assert plain.version == "HTTP/1.0"
    kept = await send(url, b"GET /api/version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert kept.headers[-1] == ("Connection", "keep-alive")
    stream = await send(
        url, b"POST /api/generate HTTP/1.0\r\nContent-Length: 30\r\n\r\n" + b'{"model":"tiny","prompt":"hi"}'
    )
    assert stream.framing == "close"
    assert stream.body.count("\n") > 3


async def test_a_connection_serves_many_and_closes_when_asked(url: str) -> None:
    async with connected(url) as (reader, writer):
        for _ in range(3):
            writer.write(VERSION)
            assert (await read_reply(reader)) is not None
        writer.write(VERSION.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        last = await read_reply(reader)
        assert last is not None
        assert last.header("Connection") == "close"
        assert await reader.read() == b""


async def test_requests_sent_ahead_are_answered_in_order(url: str) -> None:
    async with connected(url) as (reader, writer):
        writer.write(post("/api/show", {"model": "nosuch"}) + VERSION + post("/api/nope", {}))
        replies = [await read_reply(reader) for _ in range(3)]
        assert [reply.status for reply in replies if reply is not None] == [404, 200, 404]


async def test_a_body_that_comes_slowly_and_in_chunks(url: str) -> None:
    async with connected(url) as (reader, writer):
        writer.write(b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b'{"mod', b'el": "nos', b'uch"}'):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")
        reply = await read_reply(reader)
        assert reply is not None
        assert reply.body == '{"error":"model \'nosuch:latest\' not found"}'


async def test_a_large_body_is_taken_whole(url: str) -> None:
    reply = await send(url, post("/api/show", {"model": "nosuch", "system": "x" * 3_000_000}))
    assert reply.status == 404


async def test_expecting_to_continue(url: str) -> None:
    async with connected(url) as (reader, writer):
        body = b'{"model": "nosuch"}'
        head = post("/api/show", body, "Expect: 100-continue").removesuffix(body)
        writer.write(head)
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert await reader.readline() == b"\r\n"
        writer.write(body)
        reply = await read_reply(reader)
        assert reply is not None
        assert reply.status == 404
    refused = await send(url, head.replace(b"/api/show", b"/api/nope"))
    assert (refused.status, refused.header("Connection")) == (404, "close"), "nobody asked for the body"


async def test_an_upgrade_is_ignored(url: str) -> None:
    raw = VERSION.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await send(url, raw)).status == 200


async def test_a_client_that_says_nothing_more_still_gets_its_answer(url: str) -> None:
    async with connected(url) as (reader, writer):
        writer.write(VERSION)
        writer.write_eof()
        reply = await read_reply(reader)
        assert reply is not None
        assert reply.status == 200
        assert await reader.read() == b""


async def test_head_has_headers_only(url: str) -> None:
    reply = await send(url, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", head=True)
    assert reply.header("Content-Length") == "17"


async def broken(scope: Any, receive: Any, send: Any) -> None:
    del receive
    if scope["path"] == "/cut":
        raise ConnectionCutError
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Transfer-Encoding", b"chunked")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
    if scope["path"] != "/silent":
        raise RuntimeError("a mistake")


async def test_mistakes_of_a_handler(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(broken, "127.0.0.1", 0) as url:
        reply = await send(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (reply.status, reply.body) == (500, "")
        for path in (b"/cut", b"/silent"):
            assert await exchange(url, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path) is None
        async with connected(url) as (reader, writer):
            writer.write(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.read()).endswith(b"4\r\nhalf\r\n"), "no last chunk"
    assert "a mistake" in caplog.text


async def test_leaving_closes_streams_without_a_last_chunk(url: str, twin: Any) -> None:
    async with listening(twin.app, "127.0.0.1", 0) as other:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(other.rpartition(":")[2]))
        writer.write(post("/api/generate", {"model": "loop", "prompt": "hi", "options": {"num_predict": 100_000}}))
        assert await reader.readuntil(b"\n")
    rest = await reader.read()
    assert not rest.endswith(b"0\r\n\r\n")
    writer.close()
    assert (await send(url, VERSION)).status == 200


async def test_an_address_in_use_is_a_plain_sentence(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port} .* give another --port"):
        async with listening(broken, "127.0.0.1", port):
            pass


@pytest.mark.parametrize(
    ("bind", "url"),
    [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::1", "http://[::1]:1")],  # noqa: S104
)
def test_the_base_url(bind: str, url: str) -> None:
    assert base_url(bind, 1) == url
