"""The client for threads, against a host on loopback that runs in the test's own loop."""

from __future__ import annotations

import asyncio
import inspect
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ollama.fake_host import FakeHost, Seen, Wire, answer_chat, chat_line, last_line
from toolkit.ollama.answer_stream import EventStream
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import ServerBusyError
from toolkit.ollama.sync_client import SyncEventStream, SyncOllamaClient
from toolkit.ollama.types import ChatMessage, ChatRequest, GenerateRequest

REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))


async def echo(seen: Seen, wire: Wire) -> None:
    """Say what was said, letter by letter."""
    await wire.head()
    for character in seen.json["messages"][-1]["content"]:
        await wire.line(chat_line(character))
    await wire.line(last_line())
    await wire.end()


async def test_every_call_has_its_face() -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        generated = {"model": "m", "response": "", "done": True, "done_reason": "load"}
        bodies = {
            "/api/version": {"version": "1.2.3"}, "/api/ps": {"models": []}, "/api/tags": {"models": []},
            "/api/show": {"details": {}}, "/api/chat": last_line(), "/api/generate": generated,
        }  # fmt: skip
        if seen.path == "/api/generate" and seen.json.get("keep_alive") == 0:
            generated["done_reason"] = "unload"
        await wire.record(bodies[seen.path])

    def calls(url: str) -> None:
        with SyncOllamaClient(url + "/v1") as client:
            assert client.address.url == url
            assert len(client.notes) == 1
            assert client.version().numbers == (1, 2, 3)
            assert client.ps() == ()
            assert client.tags() == ()
            assert client.show("m").architecture is None
            assert client.chat_unstreamed(REQUEST).done_reason == "stop"
            assert client.chat(REQUEST).done_reason == "stop"
            assert client.load("m").done_reason == "load"
            assert client.unload("m").done_reason == "unload"
            assert client.generate(GenerateRequest("m", "")).done_reason == "load"
            assert client.generate_unstreamed(GenerateRequest("m", "")).done_reason == "load"
            with client.stream_generate(GenerateRequest("m", "")) as stream:
                assert stream.finish().done_reason == "load"

    async with FakeHost(script) as host:
        await asyncio.to_thread(calls, host.url)


def test_the_two_faces_have_the_same_calls_with_the_same_arguments() -> None:
    for own, other in ((SyncOllamaClient, OllamaClient), (SyncEventStream, EventStream)):
        # A relay passes bytes between two connections of one loop: threads have no use for it.
        names = {name for name in vars(other) if not name.startswith("_")} - {"aclose", "stream_relay"} | {"close"}
        assert {name for name in vars(own) if not name.startswith("_")} - {"address"} == names
        for name in names - {"close", "notes", "answer", "is_done", "has_token"}:
            mine, theirs = (list(inspect.signature(getattr(kind, name)).parameters.values()) for kind in (own, other))
            assert mine == theirs, name


async def test_32_threads_share_one_client() -> None:
    with ThreadPoolExecutor(32) as pool:
        async with FakeHost(echo) as host:
            client = SyncOllamaClient(host.url)
            start = threading.Barrier(32)

            def talk(number: int) -> list[str]:
                start.wait()
                return [
                    client.chat(ChatRequest("m", (ChatMessage("user", f"{number}.{turn}"),))).text for turn in range(5)
                ]

            loop = asyncio.get_running_loop()
            said = await asyncio.gather(*(loop.run_in_executor(pool, talk, number) for number in range(32)))
            await asyncio.to_thread(client.close)
    assert said == [[f"{number}.{turn}" for turn in range(5)] for number in range(32)]


async def test_a_stream_gives_events_as_they_come() -> None:
    received = threading.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        await asyncio.to_thread(received.wait)
        await wire.line(last_line())
        await wire.end()

    def talk(url: str) -> tuple[list[str], str]:
        with SyncOllamaClient(url) as client, client.stream_chat(REQUEST) as stream:
            texts = []
            for event in stream:
                texts.append(event.text)
                received.set()
            return texts, stream.answer.text

    async with FakeHost(script) as host:
        assert await asyncio.to_thread(talk, host.url) == (["a", ""], "a")


async def test_leaving_a_stream_early_closes_its_connection() -> None:
    gone = asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        await wire.gone()
        gone.set()

    def talk(client: SyncOllamaClient) -> None:
        with client.stream_chat(REQUEST) as stream:
            next(stream)

    async with FakeHost(script) as host:
        client = SyncOllamaClient(host.url)
        await asyncio.to_thread(talk, client)
        async with asyncio.timeout(5):
            await gone.wait()
        await asyncio.to_thread(client.close)


async def test_errors_are_those_of_the_client() -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.record({"error": "server busy"}, 503)

    def talk(url: str) -> None:
        with SyncOllamaClient(url) as client:
            client.chat(REQUEST)

    async with FakeHost(script) as host:
        with pytest.raises(ServerBusyError, match="OLLAMA_MAX_QUEUE"):
            await asyncio.to_thread(talk, host.url)


async def test_a_closed_client_says_so() -> None:
    async with FakeHost(answer_chat) as host:
        client = SyncOllamaClient(host.url)
        assert (await asyncio.to_thread(client.chat, REQUEST)).text == "Hello"
        await asyncio.to_thread(client.close)
        with pytest.raises(RuntimeError, match="this client is closed"):
            await asyncio.to_thread(client.version)


INTERRUPTED = """
import sys
from toolkit.ollama.sync_client import SyncOllamaClient
from toolkit.ollama.types import ChatMessage, ChatRequest

with SyncOllamaClient(sys.argv[1]) as client:
    try:
        client.chat(ChatRequest("m", (ChatMessage("user", "hi"),)))
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
async def test_ctrl_c_closes_the_connection_at_once() -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("a"))
        reached.set()
        await wire.gone()
        gone.set()

    async with FakeHost(script) as host:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", INTERRUPTED, host.url, stdout=subprocess.PIPE
        )
        async with asyncio.timeout(60):
            await reached.wait()
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
            await gone.wait()
    assert (process.returncode, out) == (0, b"interrupted\n")
