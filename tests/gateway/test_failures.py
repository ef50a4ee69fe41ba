"""What happens when hosts fail and clients leave: on real sockets, against a host that does as it is told."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.ollama.fake_host import answer_chat, chat_line, last_line
from toolkit.gateway.breaker import FAILURES, FIRST_PAUSE_NS, LONGEST_PAUSE_NS, Breaker

if TYPE_CHECKING:
    from tests.ollama.fake_host import Seen, Wire
    from toolkit.gateway.course import Course

NOWHERE = "http://127.0.0.1:9"
CHAT = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}


async def stats_of(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(f"{url}/api/llm/stats") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def until_waiting(session: aiohttp.ClientSession, url: str, count: int) -> None:
    while (await stats_of(session, url))["queue"]["waiting"] != count:
        pass  # each look is a round trip


@pytest.mark.parametrize("text", ["Hi.", "a" * 300_000], ids=["short", "longer than a socket is read at once"])
async def test_a_client_that_leaves_cancels_the_host_at_once(text: str) -> None:
    began, gone = asyncio.Event(), asyncio.Event()

    async def endless(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("one"))
        began.set()
        await wire.gone()
        gone.set()
        wire.close()

    async with (
        scripted_host(endless, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        body = {**CHAT, "messages": [{"role": "user", "content": text}]}
        answer = await session.post(f"{url}/api/chat", json=body)
        await answer.content.readline()
        await began.wait()
        answer.close()
        await gone.wait()
        stats = await stats_of(session, url)
        while not stats["left"]:
            stats = await stats_of(session, url)
        assert (stats["errors"], stats["queue"]["running"]) == ({}, 0)


async def test_a_client_that_leaves_while_it_waits_gives_up_its_place() -> None:
    hold, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: Seen, wire: Wire) -> None:
        asked.set()
        await hold.wait()
        await wire.record(last_line())

    async with (
        scripted_host(slow, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        first = asyncio.create_task(session.post(f"{url}/api/chat", json={**CHAT, "stream": False}))
        await asked.wait()
        second = asyncio.create_task(session.post(f"{url}/api/chat", json=CHAT))
        await until_waiting(session, url, 1)
        second.cancel()
        await until_waiting(session, url, 0)
        hold.set()
        assert (await first).status == 200
        assert sum(seen.path == "/api/chat" for seen in host.seen) == 1


async def test_a_stream_that_breaks_says_so_in_a_line() -> None:
    async def breaks(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("one"))
        wire.reset()

    async with (
        scripted_host(breaks, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{url}/api/chat", json=CHAT) as answer:
            lines = [json.loads(line) for line in (await answer.read()).splitlines() if line.strip()]
        assert lines[0]["message"]["content"] == "one"
        assert "lost its connection" in lines[-1]["error"]
        async with session.post(f"{url}/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
            events = [line for line in (await answer.text()).splitlines() if line]
        assert "lost its connection" in json.loads(events[-1].removeprefix("data: "))["error"]["message"]
        assert (await stats_of(session, url))["errors"] == {"host_failed": 2}


async def test_errors_are_called_by_what_went_wrong() -> None:
    """And what is refused before it comes to a model is among them, in the windows as since the start."""
    said = [(400, "host_refused"), (404, "model_not_found"), (500, "host_error"), (503, "host_busy")]
    statuses = iter([*(status for status, _ in said), 200])

    async def fails(_: Seen, wire: Wire) -> None:
        await wire.record({"error": "no"}, status=next(statuses))

    written: list[Course] = []
    async with (
        scripted_host(fails) as host,
        in_process(gateway_to(host.url, write_trace=written.append)) as url,
        aiohttp.ClientSession() as session,
    ):
        for status, _ in (*said, (200, "")):
            async with session.post(f"{url}/api/chat", json={**CHAT, "stream": False}) as answer:
                assert answer.status == status
        async with session.post(f"{url}/api/chat", json={**CHAT, "messages": 1}) as answer:
            assert answer.status == 400
        stats = await stats_of(session, url)
        wanted = {**dict.fromkeys([label for _, label in said], 1), "host_error": 2, "bad_request": 1}
        for counts in (stats, *stats["windows"].values()):
            assert (counts["errors"], counts["requests"]) == (wanted, 5)
        assert [course.outcome for course in written] == [*(label for _, label in said), "host_error"]
        async with session.get(f"{url}/metrics") as answer:
            page = await answer.text()
        assert all(f'error_type="{label}"' in page for _, label in said)


async def test_another_host_takes_over_before_anything_was_said() -> None:
    async def resets(_: Seen, wire: Wire) -> None:
        wire.reset()

    async def busy(_: Seen, wire: Wire) -> None:
        await wire.record({"error": "server busy"}, status=503)

    for failing in (resets, busy):
        async with (
            scripted_host(failing, loaded=("big:7b",)) as bad,
            scripted_host(answer_chat) as good,
            in_process(gateway_to(bad.url, good.url)) as url,
            aiohttp.ClientSession() as session,
        ):
            async with session.post(f"{url}/api/chat", json=CHAT) as answer:
                assert (answer.status, answer.headers["x-hotswap-host"]) == (200, "host-1")
                assert b"Hel" in await answer.read()
            assert (await stats_of(session, url))["requests"] == 1


async def test_nobody_there_is_said_with_a_time_to_come_again() -> None:
    async with in_process(gateway_to(NOWHERE)) as url, aiohttp.ClientSession() as session:
        for _ in range(FAILURES + 1):
            async with session.post(f"{url}/api/chat", json=CHAT) as answer:
                assert answer.status in {502, 503}
                assert int(answer.headers["retry-after"]) >= 1
                assert NOWHERE in (await answer.json())["error"]
        async with session.get(f"{url}/readyz") as ready:
            assert ready.status == 503
        async with session.get(f"{url}/healthz") as healthy:
            assert healthy.status == 200


async def test_a_full_queue_answers_503() -> None:
    hold = asyncio.Event()

    async def slow(_: Seen, wire: Wire) -> None:
        await hold.wait()
        await wire.record(last_line())

    async with (
        scripted_host(slow, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url, queue={"size": 1, "wait": "10ms"})) as url,
        aiohttp.ClientSession() as session,
    ):
        calls = [asyncio.create_task(session.post(f"{url}/api/chat", json={**CHAT, "stream": False})) for _ in range(3)]
        refused, *_ = [each async for each in _as_they_come(calls[1:], 2)]
        hold.set()
        assert (await calls[0]).status == 200
        assert refused.status == 503
        errors = (await stats_of(session, url))["errors"]
        assert errors in ({"queue_full": 1, "waited_too_long": 1}, {"waited_too_long": 2})


async def _as_they_come(calls: list[asyncio.Task[aiohttp.ClientResponse]], count: int) -> Any:
    for call in list(asyncio.as_completed(calls))[:count]:
        yield await call


async def test_what_the_client_wrote_is_what_the_host_gets() -> None:
    """Unknown fields, the client's options over the config's, its keep_alive; and nothing of ours."""
    async with (
        scripted_host(answer_chat, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        for keep_alive in (0, "5m", None):
            body = {**CHAT, "keep_alive": keep_alive, "think": "low", "new_field": {"a": [1, "\ud83d\ude00"]}}
            async with session.post(f"{url}/api/chat", json=body, headers={"authorization": "Bearer secret"}) as answer:
                assert answer.status == 200
                await answer.read()
        sent = [seen for seen in host.seen if seen.path == "/api/chat"]
        assert [seen.json["keep_alive"] for seen in sent] == [0, "5m", "30m"]
        assert all(seen.json["new_field"] == {"a": [1, "\U0001f600"]} for seen in sent)
        assert all(seen.json["model"] == "big:7b" for seen in sent)
        assert all(seen.header("authorization") is None for seen in sent)


async def test_a_pull_passes_on_the_name_and_nothing_else() -> None:
    async def pulls(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line({"status": "success"})
        await wire.end()

    async with (
        scripted_host(pulls) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        body = {"model": "m:1b", "insecure": True, "username": "x"}
        async with session.post(f"{url}/api/pull", json=body) as answer:
            assert b"success" in await answer.read()
        async with session.post(f"{url}/api/pull", json={"model": "http://169.254.169.254/m"}) as answer:
            assert answer.status == 400
        assert [seen.json for seen in host.seen if seen.path == "/api/pull"] == [{"model": "m:1b"}]


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"NOT HTTP\r\n\r\n",
    ],
)
async def test_smuggled_headers_are_refused(raw: bytes) -> None:
    async with in_process(gateway_to(NOWHERE)) as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        head = await reader.readline()
        writer.close()
        assert head.startswith(b"HTTP/1.1 400")


# The breaker alone ---------------------------------------------------------------------------------------------------


def test_the_breaker_opens_pauses_longer_each_time_and_closes() -> None:
    breaker, now = Breaker(), 0
    for _ in range(FAILURES - 1):
        breaker.failed(now)
        assert breaker.allows(now)
    breaker.failed(now)
    assert not breaker.allows(now)
    assert breaker.left_ns(now) == FIRST_PAUSE_NS
    pauses = []
    for _ in range(8):
        now += breaker.left_ns(now)
        assert breaker.allows(now)
        breaker.tries()
        assert not breaker.allows(now), "one attempt at a time"
        breaker.failed(now)
        pauses.append(breaker.left_ns(now))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (2 * FIRST_PAUSE_NS, LONGEST_PAUSE_NS)
    now += LONGEST_PAUSE_NS
    breaker.tries()
    breaker.gave_up()
    assert breaker.allows(now), "who gave up told nothing"
    breaker.worked()
    breaker.failed(now)
    assert breaker.allows(now), "the count begins anew"


async def test_what_a_load_pushed_out_gets_no_request_while_the_new_model_answers() -> None:
    """It would make the host wait for the new one, and the next request for that would undo the eviction."""
    hold, loaded = asyncio.Event(), ["big:7b"]

    async def swaps(seen: Seen, wire: Wire) -> None:
        loaded[:] = [seen.json["model"]]
        await wire.head()
        await wire.line(chat_line("one"))
        if seen.json["model"] == "small:1b":
            await hold.wait()
        await wire.line(last_line())
        await wire.end()

    async with (
        scripted_host(swaps, loaded=loaded) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{url}/api/chat", json=CHAT) as answer:
            assert (await answer.read(), answer.headers["x-hotswap-cache"])[1] == "hit"
        small = await session.post(f"{url}/api/chat", json={**CHAT, "model": "small:1b"})
        await small.content.readline()
        big = asyncio.create_task(session.post(f"{url}/api/chat", json=CHAT))
        await until_waiting(session, url, 1)
        hold.set()
        assert (await big).headers["x-hotswap-cache"] == "cold"
        models = [seen.json["model"] for seen in host.seen if seen.path == "/api/chat"]
        assert models == ["big:7b", "small:1b", "big:7b"]
