"""What the client itself costs: the splitter, a token, a whole streamed answer, the hop of the shared one.

Times are of the machine at hand; the bounds are an order of magnitude above what two busy cores need.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.ollama.fake_host import FakeHost, Seen, Wire, chat_line, last_line
from toolkit.ollama.address import parse_address
from toolkit.ollama.calls import Calls
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.io_thread import IoThread
from toolkit.ollama.ndjson import LineSplitter
from toolkit.ollama.types import ChatMessage, ChatRequest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))
TOKENS = 1000
LINES = [json.dumps(chat_line(" token")).encode() + b"\n"] * TOKENS + [json.dumps(last_line()).encode() + b"\n"]
HTTP_TOKENS = 33
HTTP_BODY = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in [*LINES[:HTTP_TOKENS], LINES[-1]]) + b"0\r\n\r\n"


def test_splitting_a_megabyte(benchmark: BenchmarkFixture) -> None:
    data = b"".join(LINES) * 7

    def split() -> int:
        splitter = LineSplitter()
        return sum(len(splitter.feed(data[start : start + 4096])) for start in range(0, len(data), 4096))

    assert benchmark(split) == 7 * len(LINES)


def test_a_thousand_tokens_take_well_under_a_tenth_of_a_second(benchmark: BenchmarkFixture) -> None:
    """The exchange alone, one line a chunk: what every token of every stream costs, whatever the transport."""
    calls = Calls(parse_address("http://gpu-a"), ())

    def read() -> int:
        exchange = calls.chat_stream(REQUEST)
        exchange.begin(0)
        exchange.head(200, {"content-type": "application/x-ndjson"}, 1)
        return sum(len(list(exchange.data(line, 2))) for line in LINES) + len(list(exchange.end(3)))

    assert benchmark(read) == TOKENS + 1
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 0.1


async def answer(_: Seen, wire: Wire) -> None:
    await wire.head()
    await wire.raw(HTTP_BODY)


def test_a_streamed_answer_over_loopback(benchmark: BenchmarkFixture) -> None:
    """Fifty answers of 33 tokens, one after the other on one connection, both ends in this process."""

    async def talk() -> int:
        async with FakeHost(answer) as host, OllamaClient(host.url) as client:
            return sum([len((await client.chat(REQUEST)).text) for _ in range(50)])

    assert benchmark.pedantic(lambda: asyncio.run(talk()), rounds=5) == 50 * HTTP_TOKENS * len(" token")
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 5


def test_a_hop_to_the_io_thread_and_back(benchmark: BenchmarkFixture) -> None:
    io = IoThread()

    async def nothing() -> None:
        """Only the way there and back is measured."""

    benchmark(lambda: io.run(nothing()))
    io.close(nothing())
    if benchmark.stats is not None:
        assert benchmark.stats.stats.median < 0.01
