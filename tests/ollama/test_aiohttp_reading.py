"""Bodies come whole however the network cuts them, each piece with the moment of the read that brought it."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.ollama.fake_host import FakeHost, Seen, Wire
from toolkit.ollama.address import parse_address
from toolkit.ollama.aiohttp_reading import Body, Reader
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.transport import Fault, TransportError
from toolkit.ollama.wire import WireRequest, get_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.ollama.transport import Take

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
BIG = bytes(1 << 17)


class Network(asyncio.Transport):
    """The transport of a connection, which only remembers whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise AssertionError("what came was taken for no HTTP")


class Keeping(Reader):
    """Keeps the bodies that have come."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())
        self.bodies: list[Body] = []
        self.head_came = lambda _message, _content, body: self.bodies.append(body)


def connected() -> tuple[Keeping, Network]:
    """A connection that waits for an answer; its clock ticks 1, 2, 3, … with every read."""
    reader, network = Keeping(), Network()
    reader.transport = network
    reader.set_response_params(auto_decompress=False)
    ticks = count(1)
    reader.clock = lambda: next(ticks)
    return reader, network


async def begun(reader: Keeping) -> Body:
    """The body that has begun."""
    await reader.head()
    return reader.bodies[-1]


async def pour_into(body: Body, taken: list[tuple[bytes, int]]) -> asyncio.Task[bool]:
    """Pour the body that has begun; whoever pours waits already."""
    pouring = asyncio.create_task(body.pour(lambda data, now_ns: taken.append((data, now_ns))))
    await asyncio.sleep(0)
    return pouring


def chunk(data: bytes, size: str = "{:x}") -> bytes:
    return size.format(len(data)).encode() + b"\r\n" + data + b"\r\n"


def cut(wire: bytes, places: Sequence[int]) -> list[bytes]:
    """The parts between the places, none of them empty."""
    ends = sorted({place % len(wire) for place in places} | {len(wire)})
    return [wire[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


sizes = st.sampled_from(["{:x}", "{:X}", "{:04x}", "{:x};name=value"])
bodies = st.lists(st.tuples(st.binary(min_size=1, max_size=40) | st.sampled_from([b"\r\n", b"0\r\n\r\n"]), sizes))


@given(bodies, st.booleans(), st.sampled_from([END, b"0\r\nTrailer: x\r\n\r\n"]), st.lists(st.integers(0, 500)))
@example([(b"a", "{:x}"), (b"b", "{:x}")], True, END, [])
def test_a_body_comes_whole_however_it_is_cut(
    chunks: list[tuple[bytes, str]], at_their_ends: bool, end: bytes, places: list[int]
) -> None:
    parts = [chunk(*one) for one in chunks]
    wire = b"".join([*parts, end])
    lengths = [len(b"".join(parts[: number + 1])) for number in range(len(parts))]
    reads = [HEAD, *cut(wire, [*places, *(lengths if at_their_ends else ())])]
    taken: list[tuple[bytes, int]] = []

    async def read() -> None:
        reader, _ = connected()
        reader.data_received(reads[0])
        pouring = await pour_into(await begun(reader), taken)
        for one in reads[1:]:
            assert not pouring.done()
            reader.data_received(one)
        assert await pouring
        assert not reader.should_close

    asyncio.run(read())
    assert b"".join(data for data, _ in taken) == b"".join(data for data, _ in chunks)
    times = [now_ns for _, now_ns in taken]
    assert times == sorted(times)
    assert not taken or 1 < times[0] <= times[-1] <= len(reads)


async def test_a_piece_has_the_time_of_its_read_even_if_it_is_taken_later() -> None:
    reader, _ = connected()
    reader.data_received(HEAD + chunk(b"one"))
    reader.data_received(chunk(b"two"))
    taken: list[tuple[bytes, int]] = []
    body = await begun(reader)
    pouring = await pour_into(body, taken)
    reader.data_received(chunk(b"three") + chunk(b"four"))
    reader.data_received(END)
    assert await pouring
    assert body.head_ns == 1
    assert taken == [(b"one", 1), (b"two", 2), (b"three", 3), (b"four", 3)]


async def test_an_answer_that_was_over_before_it_was_taken() -> None:
    reader, _ = connected()
    reader.data_received(HEAD + chunk(b"one") + END)
    taken: list[tuple[bytes, int]] = []
    assert await (await pour_into(await begun(reader), taken))
    assert taken == [(b"one", 1)]


async def test_whoever_takes_his_time_stops_the_host_and_loses_nothing() -> None:
    reader, network = connected()
    reader.data_received(HEAD + chunk(b"a") + chunk(b"b"))
    chunks = (await begun(reader)).chunks()
    reader.data_received(chunk(b"c"))
    reader.data_received(chunk(BIG) + chunk(b"d") + chunk(b"e")[:-1])
    assert not network.reads
    first = await anext(chunks)
    assert network.reads
    reader.data_received(b"\n")
    reader.data_received(chunk(b"f") + END)
    rest = b"".join([more async for more in chunks])
    assert (first + rest) == b"abc" + BIG + b"def"


async def test_whoever_has_had_enough_goes_on_where_he_stopped() -> None:
    reader, _ = connected()
    reader.data_received(HEAD + chunk(b"a"))
    body, taken = await begun(reader), list[bytes]()

    def take(data: bytes, _: int) -> bool:
        taken.append(data)
        return data == b"c"

    pouring = asyncio.create_task(body.pour(take))
    await asyncio.sleep(0)
    reader.data_received(chunk(b"b") + chunk(b"c") + chunk(b"d"))
    assert (await pouring, taken) == (False, [b"a", b"b", b"c"])
    reader.data_received(chunk(b"e") + END)
    assert (await body.pour(take), taken) == (True, [b"a", b"b", b"c", b"d", b"e"])


@pytest.mark.parametrize("bad", [b"no size\r\nx\r\n", b"+1\r\nx\r\n", b"1 \rx\r\n", b"2\r\nx\r\n\r\n", b"\r\nx\r\n"])
async def test_chunks_that_are_none_end_a_stream_that_was_in_its_flow(bad: bytes) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for data in (b"one", b"two"):
            await wire.chunk(data)
            await asyncio.wait_for(came.acquire(), 10)
        await wire.raw(bad)
        await wire.gone()

    came = asyncio.Semaphore(0)
    async with FakeHost(script) as host:
        transport = AiohttpTransport(parse_address(host.url))
        response = await transport.send(get_call("/api/ps"), None)
        with pytest.raises(TransportError) as caught:
            await response.pour(lambda *_: came.release())
        await response.aclose()
        await transport.aclose()
    assert caught.value.fault is Fault.NOT_HTTP


async def test_information_before_an_answer_is_passed_over() -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.raw(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        await wire.whole(200, b"{}")

    async with FakeHost(script) as host:
        transport = AiohttpTransport(parse_address(host.url))
        for _ in range(2):
            response = await transport.send(get_call("/api/ps"), None)
            assert response.status == 200
            assert [data async for data in response.chunks()] == [b"{}"]
            await response.aclose()
        await transport.aclose()
        assert host.connections == 1


async def test_a_header_that_holds_another_one_is_not_sent() -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.whole(200, b"{}")

    async with FakeHost(script) as host:
        transport = AiohttpTransport(parse_address(host.url))
        asked = WireRequest("GET", "/api/ps", (("x-team", "blue\r\nx-admin: 1"),))
        with pytest.raises(TransportError, match="control character"):
            await transport.send(asked, None)
        await transport.aclose()
        assert host.seen == []


async def test_a_connection_whose_request_was_answered_too_early_is_not_used_again() -> None:
    """What was not sent yet would stand before the next request."""

    async def script(_: Seen, wire: Wire) -> None:
        await wire.whole(413, b"{}")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        await script(Seen("", "", (), b""), Wire(reader, writer))

    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = AiohttpTransport(parse_address(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    for _ in range(2):
        response = await transport.send(WireRequest("POST", "/api/chat", (), bytes(64 << 20)), None)
        assert [data async for data in response.chunks()] == [b"{}"]
        await response.aclose()
    await transport.aclose()
    assert len(connections) == 2
    for writer in connections:
        writer.transport.abort()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("ends", [True, False])
async def test_what_comes_with_the_head_is_taken_before_anybody_is_woken(ends: bool) -> None:
    taken: list[bytes] = []
    reader, _ = connected()
    reader.head_came = lambda *_: lambda data, _: taken.append(data)
    reader.data_received(HEAD + chunk(b"one") + (b"0\r\n\r\n" if ends else b""))
    assert taken == [b"one"]
    await reader.head()


async def test_what_took_before_anybody_poured_may_have_had_enough_or_fail() -> None:
    reader, _ = connected()
    took: list[bytes] = []

    def take(data: bytes, _: int) -> bool:
        took.append(data)
        if data == b"two":
            raise LookupError("two")
        return True

    def head_came(_message: object, _content: object, body: Body) -> Take:
        reader.bodies.append(body)
        return take

    reader.head_came = head_came
    reader.data_received(HEAD + chunk(b"one"))
    body = await begun(reader)
    assert (await body.pour(take), took) == (False, [b"one"])
    body.pass_to(take)
    reader.data_received(chunk(b"two") + chunk(b"three"))
    with pytest.raises(LookupError, match="two"):
        await body.pour(take)
