"""Byte for byte: what a host and a client see of each other through the relay is what they see without it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.ollama.fake_host import FakeHost, Seen, Wire, chat_line, last_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.record.conftest import Recording

    Record = Callable[..., AbstractAsyncContextManager[Recording]]

CHAT = {"model": "m:1b", "messages": [{"role": "user", "content": "hello"}]}


def post(path: str, body: Any, *headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: my-laptop:99", f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


async def said(port: int, request: bytes, until: bytes | None = None) -> bytes:
    """Everything that a host says to these bytes, until it closes or says `until`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = b""
    while until is None or until not in answer:
        piece = await reader.read(65536)
        if not piece:
            break
        answer += piece
    writer.close()
    return answer


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came to that")


ODD_HEAD = b"HTTP/1.1 200 Fine by me\r\nX-oDD:  two  spaces\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nKeep-Alive: 5\r\n"
ANSWERS = {
    "odd head": ODD_HEAD + b"Content-Length: 2\r\n\r\nhi",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n03;x=y\r\ncde\r\n0\r\nT: t\r\n\r\n",
    "until close": b"HTTP/1.0 200 OK\r\n\r\nsome bytes",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("size", [1, 5, 100_000])
async def test_answers_are_passed_on_as_they_are(recording: Record, name: str, size: int) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        answer = ANSWERS[name]
        for start in range(0, len(answer), size):
            await wire.raw(answer[start : start + size])
            await asyncio.sleep(0)
        wire.close()

    async with FakeHost(script) as host, recording(host.url) as recorded:
        assert await said(recorded.port, post("/api/chat", CHAT)) == ANSWERS[name]
        await until(lambda: len(recorded.rows) == 1)
        whole = name in {"odd head", "chunks", "until close", "interim"}
        assert recorded.rows[0].outcome == ("ok" if whole else "lost")


async def test_chunks_come_when_they_come(recording: Record) -> None:
    """Each piece is with the client before the host says the next one."""
    release = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for text in ("a", "b"):
            await wire.line(chat_line(text))
            await release.wait()
            release.clear()
        await wire.line(last_line())
        await wire.end()

    async with FakeHost(script) as host, recording(host.url) as recorded:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port)
        writer.write(post("/api/chat", CHAT))
        await reader.readuntil(b"\r\n\r\n")
        for text in (b'"a"', b'"b"'):
            size = int(await reader.readline(), 16)
            assert text in await reader.readexactly(size)
            assert await reader.readline() == b"\r\n"
            assert recorded.rows == []
            release.set()
        await until(lambda: len(recorded.rows) == 1)
        row = recorded.rows[0]
        assert (row.prompt_tokens, row.output_tokens, row.load_ns, row.cold) == (7, 3, 40, False)
        assert row.ttft_ns is not None
        assert row.e2e_ns is not None
        assert row.ttft_ns < row.e2e_ns
        writer.close()


async def test_the_host_sees_its_own_name_and_everything_else_as_it_was(recording: Record) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.record({})

    async with FakeHost(script) as host, recording(host.url) as recorded:
        request = post("/api/show?x=1", {"model": "é"}, "Origin: http://app", "X-Odd:  b ", "Connection: keep-alive, x")
        await said(recorded.port, request + request, until=b"{}HTTP/1.1 200 Whatever")
        await until(lambda: len(host.seen) == 2)
        assert host.connections == 1
        for seen in host.seen:
            assert (seen.method, seen.path) == ("POST", "/api/show?x=1")
            assert [name for name, _ in seen.headers] == ["Host", "Content-Length", "Origin", "X-Odd", "Connection"]
            assert seen.header("host") == host.url.removeprefix("http://")
            assert seen.header("origin") == "http://app"
            assert json.loads(seen.body) == {"model": "é"}
        await until(lambda: recorded.others == 2)
        assert recorded.rows == []


async def test_an_upload_passes_without_being_kept(recording: Record) -> None:
    got = bytearray()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Expect: 100-continue" in head
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not got.endswith(b"0\r\n\r\n"):
            got.extend(await reader.read(1 << 16))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server, recording(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as recorded:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port)
        writer.write(
            b"POST /api/blobs/sha256:0 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        body = b"".join(b"10000\r\n" + bytes(0x10000) + b"\r\n" for _ in range(64)) + b"0\r\n\r\n"
        writer.write(body)
        assert await reader.read() == b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
        assert bytes(got) == body
        await until(lambda: recorded.others == 1)
        writer.close()


async def test_a_slow_reader_slows_the_host_down(recording: Record) -> None:
    """A host cannot say more than buffers hold to somebody who does not read; then it all comes."""
    written, total = 0, 64 << 20

    async def script(_: Seen, wire: Wire) -> None:
        nonlocal written
        await wire.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while written < total:
            await wire.raw(bytes(1 << 20))
            written += 1 << 20

    async with FakeHost(script) as host, recording(host.url) as recorded:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port, limit=1 << 16)
        writer.write(post("/api/show", {}))
        seen = -1
        while written != seen:
            seen = written
            await asyncio.sleep(0.1)
        assert written < total
        await reader.readuntil(b"\r\n\r\n")
        assert len(await reader.readexactly(total)) == total
        writer.close()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_client_that_leaves_is_gone_for_the_host_at_once(recording: Record, *, reset: bool) -> None:
    gone = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        await wire.gone()
        gone.set()
        wire.close()

    async with FakeHost(script) as host, recording(host.url) as recorded:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port)
        writer.write(post("/api/chat", CHAT))
        await reader.readuntil(b'"done": false}\n')
        if reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        else:
            writer.close()
        await asyncio.wait_for(gone.wait(), 5)
        await until(lambda: len(recorded.rows) == 1)
        row = recorded.rows[0]
        assert (row.outcome, row.output_tokens, row.estimated) == ("left", 1, ("prompt_tokens", "output_tokens"))
        await until(lambda: not recorded.relay.clients)


async def test_a_reset_stays_a_reset(recording: Record) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        await asyncio.sleep(0.05)  # so that the line is read before the reset throws it away
        wire.reset()

    async with FakeHost(script) as host, recording(host.url) as recorded:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port)
        writer.write(post("/api/chat", CHAT))
        await reader.readuntil(b'"done": false}\n\r\n')
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await until(lambda: len(recorded.rows) == 1)
        assert recorded.rows[0].outcome == "lost"
        writer.close()


async def test_a_half_closed_connection_is_half_closed_on_the_other_side(recording: Record) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.gone()  # the client has said all; it still listens
        await wire.whole(200, b'{"done":true}')
        wire.close()

    async with FakeHost(script) as host, recording(host.url) as recorded:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port)
        writer.write(post("/api/chat", CHAT))
        writer.write_eof()
        assert (await reader.read()).endswith(b'{"done":true}')
        await until(lambda: [row.outcome for row in recorded.rows] == ["ok"])
        writer.close()


async def test_a_host_that_is_not_there_is_said_in_one_sentence(recording: Record) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with recording(f"http://127.0.0.1:{port}") as recorded:
            head, _, body = (await said(recorded.port, post("/api/chat", CHAT))).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
            assert json.loads(body)["error"].startswith(f"hotswap record: no connection to http://127.0.0.1:{port}: ")
            (row,) = recorded.rows
            assert (row.outcome, row.model, row.status) == ("unreachable", "m:1b", None)


async def test_the_end_of_a_recording_ends_what_is_under_way_and_writes_it_down(recording: Record) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        await wire.gone()
        wire.close()

    async with FakeHost(script) as host:
        async with recording(host.url) as recorded:
            reader, writer = await asyncio.open_connection("127.0.0.1", recorded.port)
            writer.write(post("/api/chat", CHAT))
            await reader.readuntil(b'"done": false}\n')
        assert [row.outcome for row in recorded.rows] == ["interrupted"]
        writer.close()


async def test_texts_only_when_asked(recording: Record) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("Hel"))
        await wire.line(last_line())
        await wire.end()

    async with FakeHost(script) as host:
        for texts in (False, True):
            async with recording(host.url, texts=texts) as recorded:
                await said(recorded.port, post("/api/chat", CHAT), until=b"0\r\n\r\n")
                await until(lambda: len(recorded.rows) == 1)
                row = recorded.rows[0]
                assert (row.text, row.answer) == (("hello", "Hel") if texts else (None, None))
