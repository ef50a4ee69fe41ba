"""The client against a host of raw sockets: how long the client waits, and every way in which an answer can fail."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.ollama.fake_host import JSON, NDJSON, FakeHost, Seen, Wire, chat_line, last_line, scripted
from toolkit.ollama.address import parse_address
from toolkit.ollama.errors import (
    BadRequestError,
    ConnectTimeoutError,
    ErrorLineError,
    FirstByteTimeoutError,
    IdleTimeoutError,
    ModelMissingError,
    OllamaError,
    ProtocolError,
    RedirectError,
    ServerBusyError,
    StreamBrokeError,
    UnreachableError,
)
from toolkit.ollama.timeouts import Timeouts
from toolkit.ollama.types import ChatMessage, ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ollama.conftest import ClientOf
    from toolkit.ollama.client import OllamaClient

MS = 1_000_000
REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))


async def test_nobody_listens(client_of: ClientOf) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with client_of(url) as client:
            with pytest.raises(UnreachableError, match="is ollama serve running") as caught:
                await client.version()
    assert f"cannot connect to {url}: " in str(caught.value)
    assert "refused" in str(caught.value).lower()
    assert caught.value.progress is not None
    assert caught.value.progress.times.headers_ns is None


async def test_nobody_takes_the_connection(client_of: ClientOf) -> None:
    """A listener whose queue is full lets further connections wait for ever."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with client_of(url, timeouts=Timeouts(connect_ns=50 * MS)) as client:
            with pytest.raises(ConnectTimeoutError, match=rf"no answer at {url} in 50ms; is ollama serve running\?"):
                await client.chat(REQUEST)


async def test_no_first_byte_whether_the_head_came_or_not(client_of: ClientOf) -> None:
    for has_head in (False, True):

        async def script(_: Seen, wire: Wire, *, has_head: bool = has_head) -> None:
            if has_head:
                await wire.head()
            await wire.gone()

        async with (
            FakeHost(script) as host,
            client_of(host.url, timeouts=Timeouts(first_byte_ns=50 * MS, idle_ns=1)) as client,
        ):
            with pytest.raises(
                FirstByteTimeoutError, match=r"\(m:1b\) at .* got no first byte in 50ms; queue"
            ) as caught:
                await client.chat(REQUEST)
        assert caught.value.progress is not None
        assert (caught.value.progress.times.headers_ns is not None) == has_head


async def test_an_answer_that_stops_coming(client_of: ClientOf) -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("Hello"))
        await wire.gone()

    async with FakeHost(script) as host, client_of(host.url, timeouts=Timeouts(idle_ns=50 * MS)) as client:
        with pytest.raises(IdleTimeoutError, match=r"sent nothing for 50ms .* after 5 characters of text") as caught:
            await client.chat(REQUEST)
    assert caught.value.progress is not None
    assert caught.value.progress.text == "Hello"
    assert caught.value.progress.times.first_token_ns is not None


async def test_control_calls_wait_less_than_loads(client_of: ClientOf) -> None:
    async with (
        FakeHost(scripted(Wire.gone)) as host,
        client_of(host.url, timeouts=Timeouts(control_ns=50 * MS)) as client,
    ):
        with pytest.raises(FirstByteTimeoutError, match=r"GET /api/ps at .* got no first byte in 50ms; so look"):
            await client.ps()


async def test_an_answer_whose_body_never_ends_is_still_an_answer(client_of: ClientOf) -> None:
    """The last line is the end; what the connection does afterwards is not waited for."""
    gone = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(last_line())
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, client_of(host.url, timeouts=Timeouts(idle_ns=None)) as client:
        assert (await client.chat(REQUEST)).done_reason == "stop"
        await gone.wait()


BROKEN: dict[str, tuple[list[Callable[[Wire], Any]], str]] = {
    "closed before the head": ([Wire.close], "lost its connection before an answer came"),
    "reset before the head": ([Wire.reset], "lost its connection before an answer came"),
    "closed in the head": ([lambda w: w.raw(b"HTTP/1.1 200 OK\r\nContent-"), Wire.close], "before an answer came"),
    "closed between lines": ([Wire.head, lambda w: w.line(chat_line("Hello")), Wire.close],
                             "in the middle of the answer .*, after 5 characters"),
    "closed in a line": ([Wire.head, lambda w: w.line(chat_line("Hello")), lambda w: w.chunk(b'{"mod'), Wire.close],
                         "in the middle of the answer .*, after 5 characters"),
    "half a line, then a proper end": ([Wire.head, lambda w: w.line(chat_line("Hello")),
                                        lambda w: w.chunk(b'{"mod'), Wire.end], "stopped in the middle of a line of 5"),
    "no last line": ([Wire.head, lambda w: w.line(chat_line("Hello")), Wire.end], "stopped before its last line"),
    "empty": ([Wire.head, Wire.end], "stopped before its last line"),
    "short of its length": ([lambda w: w.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), Wire.close],
                            "in the middle of the answer"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "what"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_answer(steps: list[Callable[[Wire], Any]], what: str, client_of: ClientOf) -> None:
    async with FakeHost(scripted(*steps)) as host, client_of(host.url) as client:
        with pytest.raises(StreamBrokeError, match=what):
            await client.chat(REQUEST)


async def test_a_reset_in_mid_stream_keeps_what_was_measured(client_of: ClientOf) -> None:
    received = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("Hello"))
        await received.wait()
        wire.reset()

    async def talk(client: OllamaClient) -> None:
        async with client.stream_chat(REQUEST) as stream:
            async for _ in stream:
                received.set()

    async with FakeHost(script) as host, client_of(host.url) as client:
        with pytest.raises(StreamBrokeError, match="in the middle of the answer") as caught:
            await talk(client)
    assert caught.value.progress is not None
    assert caught.value.progress.text == "Hello"
    assert caught.value.progress.times.first_token_ns is not None
    assert caught.value.progress.times.done_ns is None


STRANGE: dict[str, tuple[list[Callable[[Wire], Any]], type[OllamaError], str]] = {
    "a web page": ([lambda w: w.whole(200, b"<html>", "text/html")], ProtocolError, "was answered with text/html"),
    "the root page": ([lambda w: w.whole(200, b"Ollama is running", "text/plain")], ProtocolError, "text/plain"),
    "server-sent events": ([lambda w: w.head(kind="text/event-stream"), lambda w: w.chunk(b"data: {}\n\n"), Wire.end],
                           ProtocolError, "text/event-stream"),
    "no JSON": ([lambda w: w.whole(200, b"nope\n", NDJSON)], ProtocolError, "something else: Expecting value"),
    "no HTTP": ([lambda w: w.raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Wire.close], ProtocolError, "was not answered in HTTP"),
    "compressed": ([lambda w: w.whole(200, b"x", NDJSON, Content_Encoding="gzip")], ProtocolError, "compressed"),
    "an unknown path": ([lambda w: w.whole(404, b"404 page not found", "text/plain")], ProtocolError, "status 404"),
    "elsewhere": ([lambda w: w.whole(307, b"", None, Location="http://b/")], RedirectError, "redirected to http://b/"),
    "queue full": ([lambda w: w.record({"error": "server busy"}, 503)], ServerBusyError, "OLLAMA_MAX_QUEUE"),
    "not there": ([lambda w: w.record({"error": "not found"}, 404)], ModelMissingError, "ollama pull m:1b"),
    "a chunked error": ([lambda w: w.head(400, JSON), lambda w: w.chunk(b'{"error":"no"}'), Wire.end],
                        BadRequestError, "the server says 'no'"),
    "an error whose text is cut": ([lambda w: w.raw(b"HTTP/1.1 503 X\r\nContent-Length: 99\r\n\r\n{"), Wire.close],
                                   OllamaError, "ended with status 503"),
    "an error line at once": ([Wire.head, lambda w: w.line({"error": "unexpected EOF"}), Wire.end],
                              ErrorLineError, "the next request loads the model again"),
    "an error line after text": ([Wire.head, lambda w: w.line(chat_line("Hello")),
                                  lambda w: w.line({"error": "out of memory"}), Wire.end],
                                 ErrorLineError, "failed after 5 characters of text: the server says 'out of memory'"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "kind", "what"), STRANGE.values(), ids=STRANGE.keys())
async def test_a_strange_answer(
    steps: list[Callable[[Wire], Any]], kind: type[OllamaError], what: str, client_of: ClientOf
) -> None:
    async with FakeHost(scripted(*steps)) as host, client_of(host.url) as client:
        with pytest.raises(kind, match=what) as caught:
            await client.chat(REQUEST)
    assert "\n" not in str(caught.value)
    assert caught.value.progress is not None
    assert caught.value.progress.call == "POST /api/chat"


async def test_a_cut_json_document_is_no_answer(client_of: ClientOf) -> None:
    async with (
        FakeHost(scripted(lambda wire: wire.whole(200, b'{"models": ['))) as host,
        client_of(host.url) as client,
    ):
        with pytest.raises(ProtocolError, match=r"GET /api/tags at .* something else: Expecting value"):
            await client.tags()


async def test_a_named_host_is_named_first(client_of: ClientOf) -> None:
    async with (
        FakeHost(scripted(lambda wire: wire.record({"error": "busy"}, 503))) as host,
        client_of(parse_address(host.url, "gpu-a")) as client,
    ):
        with pytest.raises(ServerBusyError, match=r"^host gpu-a: POST /api/chat \(m:1b\) at http://127"):
            await client.chat(REQUEST)
