"""The client against a host of raw sockets: what it sends, how long it waits, how it fails and lets go."""

from __future__ import annotations

import asyncio
import itertools
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.ollama.fake_host import JSON, NDJSON, FakeHost, Seen, Wire, answer_chat, chat_line, last_line
from toolkit.ollama.address import parse_address
from toolkit.ollama.client import OllamaClient, Timeouts
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
from toolkit.ollama.types import ChatMessage, ChatRequest, GenerateRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MS = 1_000_000
REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))
PROMPT = GenerateRequest("m:1b", "hi")


def scripted(*steps: Callable[[Wire], Awaitable[None]]) -> Callable[[Seen, Wire], Awaitable[None]]:
    """A script of steps that need only the wire."""

    async def script(_: Seen, wire: Wire) -> None:
        for step in steps:
            await step(wire)

    return script


async def test_a_chat_is_read_with_its_times() -> None:
    ticks = itertools.count(100, 10)
    async with FakeHost(answer_chat) as host, OllamaClient(host.url, clock=lambda: next(ticks)) as client:
        answer = await client.chat(REQUEST)
    assert (answer.text, answer.done_reason) == ("Hello", "stop")
    times = answer.times
    assert times.sent_ns == 100
    assert times.headers_ns == 110
    assert times.first_token_ns is not None
    assert times.last_token_ns is not None
    assert times.done_ns is not None
    assert 110 < times.first_token_ns <= times.last_token_ns <= times.done_ns


async def test_first_and_last_token_are_timed_as_they_arrive() -> None:
    """Each line waits until the client has taken the one before; the clock moves only in between."""
    now_ns = 1000
    release = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for record in (chat_line(""), chat_line("a"), chat_line("b"), last_line()):
            await release.wait()
            release.clear()
            await wire.line(record)
        await wire.end()

    async with FakeHost(script) as host, OllamaClient(host.url, clock=lambda: now_ns) as client:
        async with client.stream_chat(REQUEST) as stream:
            for at_ns in (2000, 3000, 4000, 5000):
                now_ns = at_ns
                release.set()
                assert (await anext(stream)).at_ns == at_ns
            assert await anext(stream, None) is None
        times = stream.answer.times
    assert (times.sent_ns, times.headers_ns, times.first_token_ns, times.last_token_ns, times.done_ns) == (
        1000, 1000, 3000, 4000, 5000,
    )  # fmt: skip


async def test_events_come_as_the_server_sends_them() -> None:
    """The second token is sent only after the first was received: nothing on the way may wait for more."""
    received = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        await received.wait()
        await wire.line(chat_line("b"))
        await wire.line(last_line())
        await wire.end()

    texts = []
    async with (
        FakeHost(script) as host,
        OllamaClient(host.url) as client,
        client.stream_chat(REQUEST) as stream,
    ):
        async for event in stream:
            texts.append(event.text)
            received.set()
    assert texts == ["a", "b", ""]


async def test_generate_streamed_and_not() -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        last = {
            "model": "m:1b",
            "response": "",
            "done": True,
            "done_reason": "stop",
            "context": [1, 2],
            "eval_count": 2,
        }
        if seen.json["stream"]:
            await wire.head()
            await wire.line({"model": "m:1b", "response": "Hi", "done": False})
            await wire.line(last)
            await wire.end()
        else:
            await wire.record(last | {"response": "Hi"})

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        streamed = await client.generate(PROMPT)
        whole = await client.generate_unstreamed(PROMPT)
    assert [seen.path for seen in host.seen] == ["/api/generate"] * 2
    for answer in (streamed, whole):
        assert (answer.text, answer.context, answer.counters.eval_count) == ("Hi", (1, 2), 2)
    assert streamed.times.first_token_ns is not None
    assert whole.times.first_token_ns is None
    assert whole.times.done_ns is not None


async def test_chat_unstreamed() -> None:
    async with (
        FakeHost(scripted(lambda wire: wire.record(last_line() | {"message": {"content": "all"}}))) as host,
        OllamaClient(host.url) as client,
    ):
        answer = await client.chat_unstreamed(REQUEST)
    assert host.seen[0].json["stream"] is False
    assert answer.text == "all"


async def test_load_and_unload() -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        reason = "unload" if seen.json.get("keep_alive") == 0 else "load"
        await wire.record({"model": "m:1b", "response": "", "done": True, "done_reason": reason})

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        loaded = await client.load("m:1b", keep_alive_ns=60_000 * MS, options={"num_ctx": 512})
        unloaded = await client.unload("m:1b")
    assert host.seen[0].json == {"model": "m:1b", "stream": False, "options": {"num_ctx": 512}, "keep_alive": "1m"}
    assert host.seen[1].json == {"model": "m:1b", "stream": False, "keep_alive": 0}
    assert (loaded.done_reason, unloaded.done_reason) == ("load", "unload")
    assert loaded.times.done_ns is not None


async def test_a_load_that_was_not_one_is_a_protocol_error() -> None:
    answer = {"model": "m", "response": "x", "done": True, "done_reason": "stop"}
    async with FakeHost(scripted(lambda wire: wire.record(answer))) as host, OllamaClient(host.url) as client:
        with pytest.raises(ProtocolError, match="its done_reason is 'stop', not 'load'"):
            await client.load("m")


async def test_listings() -> None:
    details = {
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "1B",
        "quantization_level": "Q4",
    }
    row = {"name": "m:1b", "model": "m:1b", "size": 5, "digest": "ab", "details": details}
    bodies: dict[str, Any] = {
        "/api/ps": {"models": [row | {"size_vram": 4, "expires_at": "1970-01-01T00:00:01.5Z", "context_length": 4096}]},
        "/api/tags": {"models": [row | {"modified_at": "1970-01-01T01:00:01+01:00"}]},
        "/api/show": {
            "details": details, "parameters": 'stop "<|end|>"\nnum_ctx    4096', "capabilities": ["completion"],
            "model_info": {"general.architecture": "llama", "llama.context_length": 2048},
        },
    }  # fmt: skip

    async def script(seen: Seen, wire: Wire) -> None:
        await wire.record(bodies[seen.path])

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        (running,) = await client.ps()
        (installed,) = await client.tags()
        shown = await client.show("m:1b", in_full=True)
    assert (running.name, running.size_bytes, running.vram_bytes) == ("m:1b", 5, 4)
    assert (running.expires_at_ns, running.context_length) == (1_500_000_000, 4096)
    assert (installed.digest, installed.modified_at_ns, installed.capabilities) == ("ab", 1_000_000_000, None)
    assert shown.parameters == (("num_ctx", "4096"), ("stop", "<|end|>"))
    assert (shown.architecture, shown.trained_context, shown.capabilities) == ("llama", 2048, ("completion",))
    assert host.seen[2].json == {"model": "m:1b", "verbose": True}


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with OllamaClient(url) as client:
            with pytest.raises(UnreachableError, match="is ollama serve running") as caught:
                await client.version()
    assert f"cannot connect to {url}: " in str(caught.value)
    assert "refused" in str(caught.value).lower()
    assert caught.value.progress is not None
    assert caught.value.progress.times.headers_ns is None


async def test_nobody_takes_the_connection() -> None:
    """A listener whose queue is full lets further connections wait for ever."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with OllamaClient(url, timeouts=Timeouts(connect_ns=50 * MS)) as client:
            with pytest.raises(ConnectTimeoutError, match=rf"no answer at {url} in 50ms; is ollama serve running\?"):
                await client.chat(REQUEST)


async def test_no_first_byte_whether_the_head_came_or_not() -> None:
    for has_head in (False, True):

        async def script(_: Seen, wire: Wire, *, has_head: bool = has_head) -> None:
            if has_head:
                await wire.head()
            await wire.gone()

        async with (
            FakeHost(script) as host,
            OllamaClient(host.url, timeouts=Timeouts(first_byte_ns=50 * MS, idle_ns=1)) as client,
        ):
            with pytest.raises(
                FirstByteTimeoutError, match=r"\(m:1b\) at .* got no first byte in 50ms; queue"
            ) as caught:
                await client.chat(REQUEST)
        assert caught.value.progress is not None
        assert (caught.value.progress.times.headers_ns is not None) == has_head


async def test_an_answer_that_stops_coming() -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("Hello"))
        await wire.gone()

    async with FakeHost(script) as host, OllamaClient(host.url, timeouts=Timeouts(idle_ns=50 * MS)) as client:
        with pytest.raises(IdleTimeoutError, match=r"sent nothing for 50ms .* after 5 characters of text") as caught:
            await client.chat(REQUEST)
    assert caught.value.progress is not None
    assert caught.value.progress.text == "Hello"
    assert caught.value.progress.times.first_token_ns is not None


async def test_control_calls_wait_less_than_loads() -> None:
    async with (
        FakeHost(scripted(Wire.gone)) as host,
        OllamaClient(host.url, timeouts=Timeouts(control_ns=50 * MS)) as client,
    ):
        with pytest.raises(FirstByteTimeoutError, match=r"GET /api/ps at .* got no first byte in 50ms; so look"):
            await client.ps()


async def test_an_answer_whose_body_never_ends_is_still_an_answer() -> None:
    """The last line is the end; what the connection does afterwards is not waited for."""
    gone = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(last_line())
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, OllamaClient(host.url, timeouts=Timeouts(idle_ns=None)) as client:
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


def steps_of(steps: list[Callable[[Wire], Any]]) -> Callable[[Seen, Wire], Awaitable[None]]:
    async def script(_: Seen, wire: Wire) -> None:
        for step in steps:
            outcome = step(wire)
            if outcome is not None:
                await outcome

    return script


@pytest.mark.parametrize(("steps", "what"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_answer(steps: list[Callable[[Wire], Any]], what: str) -> None:
    async with FakeHost(steps_of(steps)) as host, OllamaClient(host.url) as client:
        with pytest.raises(StreamBrokeError, match=what):
            await client.chat(REQUEST)


async def test_a_reset_in_mid_stream_keeps_what_was_measured() -> None:
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

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
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
async def test_a_strange_answer(steps: list[Callable[[Wire], Any]], kind: type[OllamaError], what: str) -> None:
    async with FakeHost(steps_of(steps)) as host, OllamaClient(host.url) as client:
        with pytest.raises(kind, match=what) as caught:
            await client.chat(REQUEST)
    assert "\n" not in str(caught.value)
    assert caught.value.progress is not None
    assert caught.value.progress.call == "POST /api/chat"


async def test_a_cut_json_document_is_no_answer() -> None:
    async with (
        FakeHost(scripted(lambda wire: wire.whole(200, b'{"models": ['))) as host,
        OllamaClient(host.url) as client,
    ):
        with pytest.raises(ProtocolError, match=r"GET /api/tags at .* something else: Expecting value"):
            await client.tags()


async def test_a_named_host_is_named_first() -> None:
    async with (
        FakeHost(scripted(lambda wire: wire.record({"error": "busy"}, 503))) as host,
        OllamaClient(parse_address(host.url, "gpu-a")) as client,
    ):
        with pytest.raises(ServerBusyError, match=r"^host gpu-a: POST /api/chat \(m:1b\) at http://127"):
            await client.chat(REQUEST)


@pytest.mark.parametrize("stage", ["waiting for the head", "in mid-stream"])
async def test_a_cancelled_task_closes_its_connection_at_once(stage: str) -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        if stage == "in mid-stream":
            await wire.head()
            await wire.line(chat_line("a"))
        reached.set()
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        task = asyncio.create_task(client.chat(REQUEST))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await gone.wait()


async def test_leaving_a_stream_early_closes_its_connection_and_no_other() -> None:
    gone = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/version":
            await wire.record({"version": "1.2.3"})
            return
        await wire.head()
        await wire.line(chat_line("a"))
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        async with client.stream_chat(REQUEST) as stream:
            await anext(stream)
        async with asyncio.timeout(5):
            await gone.wait()
        assert (await client.version()).numbers == (1, 2, 3)
        with pytest.raises(RuntimeError, match="read the stream to its end first"):
            _ = stream.answer
        await stream.aclose()


async def test_a_failed_call_leaves_its_connection_closed_and_the_client_usable() -> None:
    gone = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/version":
            await wire.record({"version": "1.2.3"})
            return
        await wire.head(kind="text/html")
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        with pytest.raises(ProtocolError):
            await client.chat(REQUEST)
        async with asyncio.timeout(5):
            await gone.wait()
        assert (await client.version()).text == "1.2.3"


async def test_nothing_is_sent_twice() -> None:
    """A kept connection that the server has closed meanwhile is an error to be seen, or a new connection; no repeat."""

    async def script(_: Seen, wire: Wire) -> None:
        wire.close()

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        with pytest.raises(StreamBrokeError):
            await client.chat(REQUEST)
        assert len(host.seen) == 1


async def test_a_stream_must_be_entered() -> None:
    client = OllamaClient("http://127.0.0.1:1")
    with pytest.raises(RuntimeError, match="enter the stream"):
        await anext(client.stream_chat(REQUEST))
    await client.aclose()


async def test_two_hundred_tasks_share_one_client() -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        said = seen.json["messages"][0]["content"]
        await wire.head()
        for character in said:
            await wire.line(chat_line(character))
        await wire.line(last_line())
        await wire.end()

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        requests = [ChatRequest("m", (ChatMessage("user", f"number {number}"),)) for number in range(200)]
        answers = await asyncio.gather(*map(client.chat, requests))
    assert [answer.text for answer in answers] == [f"number {number}" for number in range(200)]


def test_the_note_about_v1_is_exposed() -> None:
    client = OllamaClient("http://192.0.2.14:11434/v1")
    assert client.address.url == "http://192.0.2.14:11434"
    (note,) = client.notes
    assert "/v1" in note
