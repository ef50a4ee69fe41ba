"""Clients that know nothing of the mock: httpx, ollama, openai, our own; blocking and async; piece by piece."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from typing import Any

import httpx
import ollama
import openai
import pytest
import respx

from toolkit.host.faults.plan import Refuse, Stall, StuckEviction
from toolkit.host.faults.when import RequestWhen
from toolkit.host.mock import MockEndedError, MockStuckError, MockTwin, mock_ollama
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import UnreachableError
from toolkit.ollama.sync_client import SyncOllamaClient
from toolkit.ollama.types import ChatMessage, ChatRequest

MODEL = "qwen2.5:7b"
NO_LIMIT = httpx.Timeout(None)
HELLO = [{"role": "user", "content": "hello"}]


def generate(client: httpx.Client, model: str = MODEL, **more: Any) -> httpx.Response:
    return client.post("/api/generate", json={"model": model, "prompt": "hi", "stream": False, **more})


def test_a_load_takes_virtual_seconds_and_a_keep_alive_runs_out_when_told() -> None:
    with mock_ollama() as twin:
        answer = ollama.chat(MODEL, HELLO, keep_alive="30m")
        assert answer.message.content
        assert twin.now_ns > 3_000_000_000
        assert [load.model for load in twin.loads] == [MODEL]
        twin.advance("29m")
        assert list(twin.loaded) == [MODEL]
        twin.advance("1m")
        assert list(twin.loaded) == []
    assert [unload.reason for unload in twin.unloads] == ["expired"]


def test_an_eviction_is_seen_with_its_reason() -> None:
    with mock_ollama() as twin, httpx.Client(base_url=twin.url, timeout=NO_LIMIT) as client:
        generate(client)
        generate(client, "qwen2.5:32b")
        (eviction,) = twin.evictions
        assert (eviction.model, eviction.reason, eviction.needed_by) == (MODEL, "memory", "qwen2.5:32b")
        assert twin.loaded == ("qwen2.5:32b",)
        assert [unload.reason for unload in twin.unloads] == ["evicted_memory"]
        assert [load.model for load in twin.loads] == [MODEL, "qwen2.5:32b"]
        assert all(load.ready_ns is not None and load.vram_bytes for load in twin.loads)


def test_the_answer_comes_piece_by_piece_and_no_faster_than_it_is_read() -> None:
    with mock_ollama() as twin, httpx.Client(base_url=twin.url, timeout=NO_LIMIT) as client:
        generate(client)
        with client.stream("POST", "/api/generate", json={"model": MODEL, "prompt": "hi"}) as response:
            times = []
            for line in response.iter_lines():
                times.append(twin.now_ns)
                if json.loads(line)["done"]:
                    break
    assert len(times) > 10
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(gap >= 0 for gap in gaps)
    assert sum(gap > 1_000_000 for gap in gaps) > len(gaps) * 0.9, "one token after the other"


async def test_an_async_stream_comes_piece_by_piece_as_well() -> None:
    async with (
        mock_ollama() as twin,
        httpx.AsyncClient(base_url=twin.url, timeout=NO_LIMIT) as client,
        client.stream("POST", "/api/generate", json={"model": MODEL, "prompt": "hi"}) as response,
    ):
        times = [twin.now_ns async for _ in response.aiter_raw()]
    assert len(set(times)) > 10


def test_a_client_that_leaves_lets_the_server_notice() -> None:
    with mock_ollama() as twin, httpx.Client(base_url=twin.url, timeout=NO_LIMIT) as client:
        with client.stream(
            "POST", "/api/generate", json={"model": MODEL, "prompt": "hi", "keep_alive": "5m"}
        ) as answer:
            next(answer.iter_raw())
        assert twin.requests[0].outcome == "left"
        twin.advance("5m")
        assert twin.loaded == (), "the timer runs from when the client left"


def test_a_time_limit_of_the_client_counts_in_virtual_time_and_ends_the_load() -> None:
    with mock_ollama() as twin, httpx.Client(base_url=twin.url, timeout=2.5) as client:
        with pytest.raises(httpx.ReadTimeout):
            generate(client)
        assert twin.now_ns == 2_500_000_000
        assert twin.loaded == ()
        (load,) = twin.loads
        assert load.ready_ns is None
        assert "canceled" in (load.error or "")


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_package_works(stream: bool) -> None:
    with mock_ollama() as twin:
        client = openai.OpenAI(base_url=f"{twin.url}/v1", api_key="none")
        if stream:
            chunks = client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "hi"}], stream=True
            )
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        else:
            whole = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
            text = whole.choices[0].message.content or ""
        assert text.endswith(".")
        assert {request.path for request in twin.requests} == {"/v1/chat/completions"}


def test_the_openai_package_sees_its_own_errors() -> None:
    with mock_ollama() as twin:
        client = openai.OpenAI(base_url=f"{twin.url}/v1", api_key="none", max_retries=0, timeout=1.0)
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "hi"}])


async def test_the_async_packages_work() -> None:
    async with mock_ollama(answers="say:Yes.") as twin:
        parts = [part.message.content async for part in await ollama.AsyncClient().chat(MODEL, HELLO, stream=True)]
        assert "".join(part or "" for part in parts) == "Yes."
        client = openai.AsyncOpenAI(base_url=f"{twin.url}/v1", api_key="none")
        answer = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
        assert answer.choices[0].message.content == "Yes."
        assert [model.id async for model in client.models.list()]


async def test_our_own_clients_work() -> None:
    request = ChatRequest(MODEL, (ChatMessage("user", "hello"),))
    async with mock_ollama(answers="say:Yes.") as twin, OllamaClient(twin.url) as client:
        assert (await client.chat(request)).text == "Yes."
        assert [model.name for model in await client.ps()] == [MODEL]


def test_our_own_blocking_client_works_from_many_threads() -> None:
    request = ChatRequest(MODEL, (ChatMessage("user", "hello"),))
    texts: list[str] = []
    with mock_ollama(answers="say:Yes.") as twin, SyncOllamaClient(twin.url) as client:
        threads = [threading.Thread(target=lambda: texts.append(client.chat(request).text)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert texts == ["Yes."] * 8
        assert len(twin.loads) == 1


def test_blocking_clients_of_many_threads_share_the_twin() -> None:
    with mock_ollama() as twin, httpx.Client(base_url=twin.url, timeout=NO_LIMIT) as client:
        statuses: list[int] = []
        models = [MODEL, "deepseek-coder-v2:16b"] * 6
        threads = [
            threading.Thread(target=lambda m=model: statuses.append(generate(client, m).status_code))
            for model in models
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 12
        assert all(request.outcome == "answered" for request in twin.requests)


async def closed_loop(twin: MockTwin) -> list[tuple[str, int, int]]:
    """Nine users of one event loop, each asking as soon as answered."""
    seen: list[tuple[str, int, int]] = []
    async with httpx.AsyncClient(base_url=twin.url, timeout=NO_LIMIT) as client:

        async def user(number: int) -> None:
            for turn in range(3):
                model = ("qwen2.5:7b", "qwen2.5:32b", "deepseek-coder-v2:16b")[(number + turn) % 3]
                await client.post("/api/generate", json={"model": model, "prompt": f"{number} {turn}"})
                seen.append((f"{number}.{turn}", turn, twin.now_ns))

        await asyncio.gather(*(user(number) for number in range(9)))
    return seen


def test_many_clients_of_one_loop_are_deterministic_to_the_nanosecond() -> None:
    runs = []
    for _ in range(2):
        with mock_ollama(seed=3) as twin:
            seen = asyncio.run(closed_loop(twin))
            runs.append((seen, twin.requests, twin.loads, twin.evictions, twin.unloads))
    assert runs[0] == runs[1]
    assert len(runs[0][2]) > 3


async def test_requests_that_are_sent_together_arrive_at_the_same_instant() -> None:
    async with mock_ollama() as twin, httpx.AsyncClient(base_url=twin.url, timeout=NO_LIMIT) as client:
        bodies = [{"model": MODEL, "prompt": str(number)} for number in range(5)]
        await asyncio.gather(*(client.post("/api/generate", json=body) for body in bodies))
        assert {request.at_ns for request in twin.requests} == {0}
        assert [request.json["prompt"] for request in twin.requests] == list("01234")


async def test_sleep_is_in_the_twins_time_beside_others() -> None:
    async with mock_ollama() as twin, httpx.AsyncClient(base_url=twin.url, timeout=NO_LIMIT) as client:
        loading = asyncio.create_task(client.post("/api/generate", json={"model": MODEL, "prompt": "hi"}))
        await twin.sleep("1s")
        assert twin.now_ns == 1_000_000_000
        assert not loading.done()
        assert list(twin.loaded) == []
        await loading
        assert list(twin.loaded) == [MODEL]


async def test_a_blocking_client_inside_a_running_loop_does_not_hang() -> None:
    async with mock_ollama() as twin, httpx.AsyncClient(base_url=twin.url, timeout=NO_LIMIT) as waiting:
        task = asyncio.create_task(waiting.post("/api/generate", json={"model": MODEL, "prompt": "hi"}))
        await asyncio.sleep(0)
        with httpx.Client(base_url=twin.url, timeout=NO_LIMIT) as client:
            assert generate(client).status_code == 200
        assert (await task).status_code == 200


async def test_cancelling_a_task_frees_its_request() -> None:
    async with mock_ollama() as twin, httpx.AsyncClient(base_url=twin.url, timeout=NO_LIMIT) as client:
        task = asyncio.create_task(client.post("/api/generate", json={"model": MODEL, "prompt": "hi"}))
        await twin.sleep("1s")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert twin.requests[0].outcome == "left"
        twin.advance("10m")
        assert twin.loaded == ()


def test_other_hosts_are_refused_and_other_respx_routes_go_on_working() -> None:
    with respx.mock(base_url="http://elsewhere.example", assert_all_called=False) as other, mock_ollama() as twin:
        other.get("/health").respond(json={"fine": True})
        assert httpx.get("http://elsewhere.example/health").json() == {"fine": True}
        assert httpx.get(f"{twin.url}/api/version").json() == {"version": "0.32.15"}
        with pytest.raises(AssertionError, match="not mocked"):
            httpx.get("http://third.example/")


def test_several_mocks_stand_side_by_side() -> None:
    with (
        mock_ollama(base_url="http://one.example:11434") as one,
        mock_ollama(base_url="http://two.example", profile="v0.24") as two,
    ):
        assert httpx.get("http://one.example:11434/api/version").json()["version"] == "0.32.15"
        assert httpx.get("http://two.example/api/version").json()["version"] == "0.24.0"
        assert (len(one.requests), len(two.requests)) == (1, 1)


def test_the_network_is_back_after_the_block() -> None:
    with mock_ollama():
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:9/", timeout=1)
    assert not [thread for thread in threading.enumerate() if thread.name == "hotswap-mock"]


def test_a_transport_needs_no_patching() -> None:
    with mock_ollama(base_url="http://unused.example") as twin:
        with httpx.Client(transport=twin.transport(), base_url="http://127.0.0.1") as client:
            assert client.get("/api/version").json() == {"version": "0.32.15"}
        twin.add_fault(Stall())
        with (
            httpx.Client(transport=twin.transport(), base_url="http://127.0.0.1", timeout=1) as client,
            pytest.raises(httpx.ReadTimeout),
        ):
            client.get("/api/version")


async def test_an_async_transport_needs_no_patching() -> None:
    async with (
        mock_ollama() as twin,
        httpx.AsyncClient(transport=twin.async_transport(), base_url="http://127.0.0.1") as client,
    ):
        assert (await client.get("/api/version")).json() == {"version": "0.32.15"}


def test_waiting_for_ever_is_an_error_and_not_a_hang() -> None:
    with (
        mock_ollama(faults=[Stall()], patience_s=0.05) as twin,
        pytest.raises(MockStuckError, match="will never be answered"),
    ):
        httpx.get(f"{twin.url}/api/version", timeout=NO_LIMIT)


def test_another_thread_may_end_what_a_client_waits_for() -> None:
    stuck = StuckEviction(victim=MODEL, keep_alive_ns=-1, when=RequestWhen(model="qwen2.5:32b"))
    with mock_ollama(faults=[stuck]) as twin, httpx.Client(base_url=twin.url, timeout=NO_LIMIT) as client:
        generate(client)
        statuses: list[int] = []
        thread = threading.Thread(target=lambda: statuses.append(generate(client, "qwen2.5:32b").status_code))
        thread.start()
        while not twin.evictions or twin.now_ns - twin.evictions[0].at_ns < 900_000_000:
            pass  # the rival has asked again and gone: time stands still
        assert statuses == []
        client.post("/api/generate", json={"model": MODEL, "keep_alive": 0})
        thread.join()
        assert statuses == [200]


def test_a_client_that_outlives_the_mock_is_told() -> None:
    with mock_ollama() as twin:
        transport = twin.transport()
    with httpx.Client(transport=transport, base_url="http://127.0.0.1") as client, pytest.raises(MockEndedError):
        client.get("/api/version")


async def test_a_request_that_is_under_way_when_the_mock_ends_is_told() -> None:
    client = httpx.AsyncClient(timeout=NO_LIMIT)
    async with mock_ollama(faults=[Stall(for_ns=10**18)]) as twin:
        task = asyncio.create_task(client.get(f"{twin.url}/api/version"))
        await asyncio.sleep(0)
        await twin.sleep("1s")
    with pytest.raises((MockEndedError, httpx.RemoteProtocolError)):
        await task
    await client.aclose()


def test_real_time_is_real() -> None:
    with mock_ollama(time="real", time_scale=0.01) as twin:
        assert ollama.chat(MODEL, HELLO).message.content
        assert 0 < twin.now_ns < 3_000_000_000
        assert twin.loaded == (MODEL,)


async def test_refused_connections_reach_our_client_in_its_own_words() -> None:
    async with mock_ollama(faults=[Refuse()]) as twin, OllamaClient(twin.url) as client:
        with pytest.raises(UnreachableError, match=r"[Rr]efused"):
            await client.version()
