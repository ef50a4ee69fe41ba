"""The client against a host of raw sockets: what it sends, what it reads and when, how it lets go."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.ollama.fake_host import FakeHost, Seen, Wire, answer_chat, chat_line, last_line, scripted
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import (
    ProtocolError,
    StreamBrokeError,
)
from toolkit.ollama.types import ChatMessage, ChatRequest, GenerateRequest

if TYPE_CHECKING:
    from tests.ollama.conftest import ClientOf

MS = 1_000_000
REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))
PROMPT = GenerateRequest("m:1b", "hi")


async def test_a_chat_is_read_with_its_times(client_of: ClientOf) -> None:
    ticks = itertools.count(100, 10)
    async with FakeHost(answer_chat) as host, client_of(host.url, clock=lambda: next(ticks)) as client:
        answer = await client.chat(REQUEST)
    assert (answer.text, answer.done_reason) == ("Hello", "stop")
    times = answer.times
    assert times.sent_ns == 100
    assert times.headers_ns == 110
    assert times.first_token_ns is not None
    assert times.last_token_ns is not None
    assert times.done_ns is not None
    assert 110 <= times.first_token_ns <= times.last_token_ns <= times.done_ns


async def test_first_and_last_token_are_timed_as_they_arrive(client_of: ClientOf) -> None:
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

    async with FakeHost(script) as host, client_of(host.url, clock=lambda: now_ns) as client:
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


async def test_events_come_as_the_server_sends_them(client_of: ClientOf) -> None:
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
        client_of(host.url) as client,
        client.stream_chat(REQUEST) as stream,
    ):
        async for event in stream:
            texts.append(event.text)
            received.set()
    assert texts == ["a", "b", ""]


async def test_generate_streamed_and_not(client_of: ClientOf) -> None:
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

    async with FakeHost(script) as host, client_of(host.url) as client:
        streamed = await client.generate(PROMPT)
        whole = await client.generate_unstreamed(PROMPT)
    assert [seen.path for seen in host.seen] == ["/api/generate"] * 2
    for answer in (streamed, whole):
        assert (answer.text, answer.context, answer.counters.eval_count) == ("Hi", (1, 2), 2)
    assert streamed.times.first_token_ns is not None
    assert whole.times.first_token_ns is None
    assert whole.times.done_ns is not None


async def test_chat_unstreamed(client_of: ClientOf) -> None:
    async with (
        FakeHost(scripted(lambda wire: wire.record(last_line() | {"message": {"content": "all"}}))) as host,
        client_of(host.url) as client,
    ):
        answer = await client.chat_unstreamed(REQUEST)
    assert host.seen[0].json["stream"] is False
    assert answer.text == "all"


async def test_load_and_unload(client_of: ClientOf) -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        reason = "unload" if seen.json.get("keep_alive") == 0 else "load"
        await wire.record({"model": "m:1b", "response": "", "done": True, "done_reason": reason})

    async with FakeHost(script) as host, client_of(host.url) as client:
        loaded = await client.load("m:1b", keep_alive_ns=60_000 * MS, options={"num_ctx": 512})
        unloaded = await client.unload("m:1b")
    assert host.seen[0].json == {"model": "m:1b", "stream": False, "options": {"num_ctx": 512}, "keep_alive": "1m"}
    assert host.seen[1].json == {"model": "m:1b", "stream": False, "keep_alive": 0}
    assert (loaded.done_reason, unloaded.done_reason) == ("load", "unload")
    assert loaded.times.done_ns is not None


async def test_a_load_that_was_not_one_is_a_protocol_error(client_of: ClientOf) -> None:
    answer = {"model": "m", "response": "x", "done": True, "done_reason": "stop"}
    async with FakeHost(scripted(lambda wire: wire.record(answer))) as host, client_of(host.url) as client:
        with pytest.raises(ProtocolError, match="its done_reason is 'stop', not 'load'"):
            await client.load("m")


async def test_listings(client_of: ClientOf) -> None:
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

    async with FakeHost(script) as host, client_of(host.url) as client:
        (running,) = await client.ps()
        (installed,) = await client.tags()
        shown = await client.show("m:1b", in_full=True)
    assert (running.name, running.size_bytes, running.vram_bytes) == ("m:1b", 5, 4)
    assert (running.expires_at_ns, running.context_length) == (1_500_000_000, 4096)
    assert (installed.digest, installed.modified_at_ns, installed.capabilities) == ("ab", 1_000_000_000, None)
    assert shown.parameters == (("num_ctx", "4096"), ("stop", "<|end|>"))
    assert (shown.architecture, shown.trained_context, shown.capabilities) == ("llama", 2048, ("completion",))
    assert host.seen[2].json == {"model": "m:1b", "verbose": True}


@pytest.mark.parametrize("stage", ["waiting for the head", "in mid-stream"])
async def test_a_cancelled_task_closes_its_connection_at_once(stage: str, client_of: ClientOf) -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        if stage == "in mid-stream":
            await wire.head()
            await wire.line(chat_line("a"))
        reached.set()
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, client_of(host.url) as client:
        task = asyncio.create_task(client.chat(REQUEST))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await gone.wait()


async def test_leaving_a_stream_early_closes_its_connection_and_no_other(client_of: ClientOf) -> None:
    gone = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/version":
            await wire.record({"version": "1.2.3"})
            return
        await wire.head()
        await wire.line(chat_line("a"))
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, client_of(host.url) as client:
        async with client.stream_chat(REQUEST) as stream:
            await anext(stream)
        async with asyncio.timeout(5):
            await gone.wait()
        assert (await client.version()).numbers == (1, 2, 3)
        with pytest.raises(RuntimeError, match="read the stream to its end first"):
            _ = stream.answer
        await stream.aclose()


async def test_a_failed_call_leaves_its_connection_closed_and_the_client_usable(client_of: ClientOf) -> None:
    gone = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/version":
            await wire.record({"version": "1.2.3"})
            return
        await wire.head(kind="text/html")
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host, client_of(host.url) as client:
        with pytest.raises(ProtocolError):
            await client.chat(REQUEST)
        async with asyncio.timeout(5):
            await gone.wait()
        assert (await client.version()).text == "1.2.3"


async def test_nothing_is_sent_twice(client_of: ClientOf) -> None:
    """A kept connection that the server has closed meanwhile is an error to be seen, or a new connection; no repeat."""

    async def script(_: Seen, wire: Wire) -> None:
        wire.close()

    async with FakeHost(script) as host, client_of(host.url) as client:
        with pytest.raises(StreamBrokeError):
            await client.chat(REQUEST)
        assert len(host.seen) == 1


async def test_a_stream_must_be_entered(client_of: ClientOf) -> None:
    client = client_of("http://127.0.0.1:1")
    with pytest.raises(RuntimeError, match="enter the stream"):
        await anext(client.stream_chat(REQUEST))
    await client.aclose()


async def test_two_hundred_tasks_share_one_client(client_of: ClientOf) -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        said = seen.json["messages"][0]["content"]
        await wire.head()
        for character in said:
            await wire.line(chat_line(character))
        await wire.line(last_line())
        await wire.end()

    async with FakeHost(script) as host, client_of(host.url) as client:
        requests = [ChatRequest("m", (ChatMessage("user", f"number {number}"),)) for number in range(200)]
        answers = await asyncio.gather(*map(client.chat, requests))
    assert [answer.text for answer in answers] == [f"number {number}" for number in range(200)]


def test_the_note_about_v1_is_exposed() -> None:
    client = OllamaClient("http://192.0.2.14:11434/v1")
    assert client.address.url == "http://192.0.2.14:11434"
    (note,) = client.notes
    assert "/v1" in note
