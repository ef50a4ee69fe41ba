"""What the transports put on the wire for us, exactly, and that httpx is seen nowhere else."""

from __future__ import annotations

import ast
import asyncio
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
import respx

from tests.ollama.fake_host import FakeHost, Seen, Wire, answer_chat
from toolkit.errors import UsageError
from toolkit.ollama.address import parse_address
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import StreamBrokeError
from toolkit.ollama.httpx_transport import HttpxTransport
from toolkit.ollama.transport import Fault, TransportError
from toolkit.ollama.types import ChatMessage, ChatRequest
from toolkit.ollama.wire import get_call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ollama.conftest import ClientOf
    from toolkit.ollama.transport import Take, WireResponse

REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),), keep_alive_ns=0)
BODY = b'{"model":"m:1b","messages":[{"role":"user","content":"hi"}],"stream":true,"keep_alive":0}'
MOST_IN_SOCKETS = 64 << 20
"""More than any system holds between two programs that do not read."""
LAST = b'{"model":"m:1b","message":{"role":"assistant","content":"ok"},"done":true,"done_reason":"stop"}\n'


@respx.mock
async def test_a_chat_through_the_mock_is_these_bytes() -> None:
    route = respx.post("http://gpu-a:11434/api/chat").mock(
        httpx.Response(200, headers={"content-type": "application/x-ndjson"}, content=LAST)
    )
    async with OllamaClient("http://gpu-a:11434/v1", bearer="t0ken", headers={"X-Team": "blue"}) as client:
        answer = await client.chat(REQUEST)
    assert answer.text == "ok"
    request = route.calls.last.request
    assert request.content == BODY
    assert dict(request.headers) == {
        "host": "gpu-a:11434",
        "content-type": "application/json",
        "accept": "application/x-ndjson, application/json",
        "user-agent": "hotswap",
        "authorization": "Bearer t0ken",
        "x-team": "blue",
        "content-length": str(len(BODY)),
    }


@respx.mock
async def test_a_get_has_no_body_and_no_content_type() -> None:
    route = respx.get("http://gpu-a:11434/api/version").mock(httpx.Response(200, json={"version": "0.32.15"}))
    async with OllamaClient("gpu-a") as client:
        version = await client.version()
    assert (version.text, version.numbers) == ("0.32.15", (0, 32, 15))
    assert dict(route.calls.last.request.headers) == {
        "host": "gpu-a:11434", "accept": "application/json", "user-agent": "hotswap",
    }  # fmt: skip


async def test_the_wire_of_a_chat_byte_by_byte(client_of: ClientOf) -> None:
    async with FakeHost(answer_chat) as host, client_of(host.url) as client:
        await client.chat(REQUEST)
        (seen,) = host.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/api/chat", BODY)
    assert [name.lower() for name, _ in seen.headers] == [
        "host", "content-type", "accept", "user-agent", "content-length",
    ]  # fmt: skip


async def test_a_path_of_the_base_url_stays_before_the_call(client_of: ClientOf) -> None:
    async with FakeHost(answer_chat) as host, client_of(f"{host.url}/ollama/v1") as client:
        await client.chat(REQUEST)
        assert host.seen[0].path == "/ollama/api/chat"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, client_of: ClientOf) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with FakeHost(answer_chat) as host, client_of(host.url) as client:
        assert (await client.chat(REQUEST)).text == "Hello"


async def test_connections_are_used_again_and_cookies_are_not_kept(client_of: ClientOf) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.whole(200, b'{"version":"1.2.3"}', Set_Cookie="lb=1; Path=/")

    async with FakeHost(script) as host, client_of(host.url) as client:
        for _ in range(3):
            await client.version()
        assert host.connections == 1
        assert all(seen.header("cookie") is None for seen in host.seen)


def test_plain_http_loads_no_certificate_authorities() -> None:
    transport = HttpxTransport(parse_address("http://gpu-a"))
    pool = transport._client._transport._pool  # type: ignore[attr-defined] # httpx names no way to ask
    context = pool._ssl_context
    assert isinstance(context, ssl.SSLContext)
    assert context.cert_store_stats()["x509"] == 0
    assert context.verify_mode is ssl.CERT_REQUIRED


async def test_nothing_is_sent_twice_when_an_idle_connection_was_closed(client_of: ClientOf) -> None:
    """Left to itself, aiohttp repeats a GET on a connection that it kept; a measurement must not."""

    async def script(_: Seen, wire: Wire) -> None:
        if len(host.seen) == 1:
            await wire.whole(200, b'{"version":"1.2.3"}')
        else:
            wire.close()

    async with FakeHost(script) as host, client_of(host.url) as client:
        await client.version()
        with pytest.raises(StreamBrokeError, match="before an answer came"):
            await client.version()
        assert len(host.seen) == 2


def test_a_file_of_authorities_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing\n")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(UsageError, match="no certificate authorities in PEM form"):
            HttpxTransport(parse_address("https://gpu-a"), ca_file=str(path))
        with pytest.raises(UsageError, match="no certificate authorities in PEM form"):
            AiohttpTransport(parse_address("https://gpu-a"), ca_file=str(path))


def test_only_the_transport_knows_httpx(project_dir: Path) -> None:
    """The next transport joins behind the same seam, so nothing else here may come to rely on this one."""
    found = set()
    for path in (project_dir / "toolkit/ollama").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in {"httpx", "httpcore"} for name in names):
                found.add(path.name)
    assert found == {"httpx_transport.py"}


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
async def test_a_body_is_poured_as_it_comes_and_its_connection_used_again(
    kind: type[HttpxTransport | AiohttpTransport],
) -> None:
    """The host sends the second piece only when the first was taken, so nothing is held back for the end."""
    taken: list[bytes] = []
    first = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        first.clear()
        await wire.head()
        await wire.chunk(b"one")
        await first.wait()
        await wire.chunk(b"two")
        await wire.end()

    def take(piece: bytes, _: int) -> None:
        taken.append(piece)
        first.set()

    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        for _ in range(2):
            response = await transport.send(get_call("/api/ps"), None)
            await response.pour(take)
            await response.aclose()
        await transport.aclose()
        assert (host.connections, taken) == (1, [b"one", b"two"] * 2)


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
@pytest.mark.parametrize(("how", "fault"), [("closed", Fault.LOST), ("reset", Fault.LOST), ("garbage", Fault.NOT_HTTP)])
async def test_pouring_ends_with_what_went_wrong_on_the_wire(
    kind: type[HttpxTransport | AiohttpTransport], how: str, fault: Fault
) -> None:
    taken = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.chunk(b"one")
        await taken.wait()
        if how == "garbage":
            await wire.raw(b"no chunk\r\n")
            await wire.gone()
        elif how == "reset":
            wire.reset()
        else:
            wire.close()

    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        response = await transport.send(get_call("/api/ps"), None)
        with pytest.raises(TransportError) as caught:
            await response.pour(lambda *_: taken.set())
        await response.aclose()
        await transport.aclose()
    assert caught.value.fault is fault


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
async def test_what_takes_a_body_may_refuse_it(kind: type[HttpxTransport | AiohttpTransport]) -> None:
    """Its error comes out at once, though the host has more to say, and closing lets go of the connection."""
    gone = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.chunk(b"one")
        await wire.gone()
        gone.set()

    def take(piece: bytes, _: int) -> None:
        raise LookupError(piece.decode())

    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        response = await transport.send(get_call("/api/ps"), None)
        with pytest.raises(LookupError, match="one"):
            await response.pour(take)
        await response.aclose()
        await asyncio.wait_for(gone.wait(), 10)
        await transport.aclose()


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
async def test_who_is_told_of_the_head_may_take_what_comes(kind: type[HttpxTransport | AiohttpTransport]) -> None:
    """Whoever pours goes on where it stopped; nothing comes twice and nothing is lost."""
    told: list[int] = []
    taken: list[bytes] = []

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for piece in (b"one", b"two", b"three"):
            await wire.chunk(piece)
        await wire.end()

    def take(piece: bytes, _: int) -> bool:
        taken.append(piece)
        return True  # enough, each time

    def opened(response: WireResponse) -> Take:
        told.append(response.status)
        return take

    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        for count in (1, 2):
            taken.clear()
            response = await transport.send(get_call("/api/ps"), None, opened=opened)
            assert told == [200] * count
            while not await response.pour(take):
                pass
            await response.aclose()
            assert b"".join(taken) == b"onetwothree"
        await transport.aclose()
        assert host.connections == 1


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
async def test_who_is_told_of_the_head_may_refuse_the_answer(kind: type[HttpxTransport | AiohttpTransport]) -> None:
    gone = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.chunk(b"one")
        await wire.gone()
        gone.set()

    def opened(response: WireResponse) -> None:
        raise LookupError(str(response.status))

    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        with pytest.raises(LookupError, match="200"):
            await transport.send(get_call("/api/ps"), None, opened=opened)
        await asyncio.wait_for(gone.wait(), 10)
        await transport.aclose()


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
async def test_closing_an_answer_that_is_over_does_not_touch_the_next_one_of_its_connection(
    kind: type[HttpxTransport | AiohttpTransport],
) -> None:
    asked, go_on = 0, asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        nonlocal asked
        asked += 1
        await wire.head()
        await wire.chunk(b"one")
        if asked > 1:
            await go_on.wait()
            await wire.chunk(b"two")
        await wire.end()

    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        first = await transport.send(get_call("/api/ps"), None)
        assert [piece async for piece in first.chunks()] == [b"one"]
        second = await transport.send(get_call("/api/ps"), None)
        pieces = second.chunks()
        taken = [await anext(pieces)]
        await first.aclose()
        go_on.set()
        taken += [piece async for piece in pieces]
        await second.aclose()
        await transport.aclose()
        assert (host.connections, b"".join(taken)) == (1, b"onetwo")


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
async def test_a_host_waits_for_a_reader_who_takes_his_time(kind: type[HttpxTransport | AiohttpTransport]) -> None:
    """Of an answer without end only so much is sent as fits into the sockets; what was sent comes whole."""
    sent = 0
    piece = bytes(range(256)) * 256

    async def script(_: Seen, wire: Wire) -> None:
        nonlocal sent
        await wire.head()
        while sent < MOST_IN_SOCKETS:
            try:
                async with asyncio.timeout(0.3):
                    await wire.chunk(piece)
            except TimeoutError:
                break
            sent += len(piece)
        stuck.set()
        await wire.gone()

    stuck = asyncio.Event()
    async with FakeHost(script) as host:
        transport = kind(parse_address(host.url))
        response = await transport.send(get_call("/api/ps"), None)
        pieces = response.chunks()
        taken = len(await anext(pieces))
        await asyncio.wait_for(stuck.wait(), 20)
        assert sent < MOST_IN_SOCKETS
        while taken < sent:
            taken += len(await anext(pieces))
        await pieces.aclose()
        await response.aclose()
        await transport.aclose()
