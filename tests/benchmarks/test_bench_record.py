"""What the relay of `hotswap record` adds to a call: the same streamed chat, direct and through it, on one loop.

Wanted is at most 1 ms for an answer of 33 pieces; client, relay and host share one core here, so all of it counts.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from toolkit.ollama.address import parse_address
from toolkit.record.relay import Relay, upstream_of
from toolkit.record.sessions import Sessions

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PIECES = 33
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello " * 400}]}).encode()
ASKED = b"POST /api/chat HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
PIECE = json.dumps({"model": "m", "message": {"role": "assistant", "content": "word"}, "done": False}).encode() + b"\n"
LAST = b'{"model":"m","done":true,"prompt_eval_count":7,"eval_count":33,"load_duration":5}\n'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every chat in pieces that leave one by one."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(len(BODY))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(PIECES):
                writer.write(chunk(PIECE))
                await asyncio.sleep(0)
            writer.write(chunk(LAST) + b"0\r\n\r\n")
    except asyncio.IncompleteReadError:
        writer.close()
        await writer.wait_closed()


async def closed(writer: asyncio.StreamWriter, stack: AsyncExitStack) -> None:
    """The client leaves, and everybody has noticed."""
    writer.close()
    await writer.wait_closed()
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - rounds of the loop are what is waited for
        await asyncio.sleep(0)
    await stack.aclose()


async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(ASKED)
    return await reader.readuntil(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("way", ["direct", "relayed"])
@pytest.mark.benchmark(group="record")
def test_a_streamed_chat(benchmark: BenchmarkFixture, way: str) -> None:
    rows: list[object] = []
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            server = await stack.enter_async_context(await asyncio.start_server(host, "127.0.0.1", 0))
            port = server.sockets[0].getsockname()[1]
            if way == "relayed":
                upstream = upstream_of(parse_address(f"http://127.0.0.1:{port}"), None)
                relay = Relay(upstream, Sessions("b"), rows.append, texts=False)
                port = await stack.enter_async_context(relay.listening("127.0.0.1", 0))
            return await asyncio.open_connection("127.0.0.1", port)

        reader, writer = runner.run(opened())
        answer = benchmark(lambda: runner.run(chat(reader, writer)))
        runner.run(closed(writer, stack))
    assert answer.count(PIECE) == PIECES
    assert bool(rows) == (way == "relayed")
