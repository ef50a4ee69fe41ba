"""Several hosts behind one gateway: who gets what, what happens when one fails, and what they say together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.ollama.fake_host import answer_chat, chat_line, last_line

if TYPE_CHECKING:
    from tests.ollama.fake_host import Script, Seen, Wire

CHAT = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}
NOWHERE = "http://127.0.0.1:9"


async def chat(client: aiohttp.ClientSession, url: str, model: str = "big:7b", **more: Any) -> tuple[int, str, bytes]:
    async with client.post(f"{url}/api/chat", json={**CHAT, "model": model, **more}) as answer:
        return answer.status, answer.headers.get("x-hotswap-host", ""), await answer.read()


async def refuses(_: Seen, wire: Wire) -> None:
    await wire.record({"error": "server busy, please try again"}, status=503)


async def resets(_: Seen, wire: Wire) -> None:
    wire.reset()


async def breaks(_: Seen, wire: Wire) -> None:
    await wire.head()
    await wire.line(chat_line("one"))
    wire.reset()


async def shows(seen: Seen, wire: Wire) -> None:
    if seen.path == "/api/show":
        await wire.record({"details": {"family": "known here"}, "model_info": {}})
    elif seen.path == "/api/pull":
        await wire.head()
        await wire.line({"status": "success"})
        await wire.end()
    else:
        await answer_chat(seen, wire)


async def test_a_request_goes_to_a_host_that_has_the_model() -> None:
    async with (
        scripted_host(answer_chat, models=("small:1b",)) as one,
        scripted_host(answer_chat, models=("big:7b",)) as two,
        scripted_host(answer_chat, models=("vast:70b",)) as three,
        in_process(gateway_to(one.url, two.url, three.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        for model, host in (("big:7b", "host-1"), ("small:1b", "host-0"), ("vast:70b", "host-2")):
            assert (await chat(client, url, model))[:2] == (200, host)


async def test_of_two_that_have_it_the_one_with_it_in_memory_answers() -> None:
    async with (
        scripted_host(answer_chat) as cold,
        scripted_host(answer_chat, loaded=("big:7b",)) as warm,
        in_process(gateway_to(cold.url, warm.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        async with client.get(f"{url}/api/llm/stats") as stats:  # the hosts have been looked at
            seen = (await stats.json())["queue"]["hosts"]
        while not seen["host-1"]["in_memory"]:
            async with client.get(f"{url}/api/llm/stats") as stats:
                seen = (await stats.json())["queue"]["hosts"]
        assert (await chat(client, url))[:2] == (200, "host-1")


@pytest.mark.parametrize("failing", [refuses, resets], ids=["busy", "broken off before the head"])
async def test_another_takes_over_as_long_as_nothing_was_said(failing: Script) -> None:
    async with (
        scripted_host(failing, loaded=("big:7b",)) as bad,
        scripted_host(answer_chat) as good,
        in_process(gateway_to(bad.url, good.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        code, host, said = await chat(client, url)
        assert (code, host, b"Hel" in said) == (200, "host-1", True)


async def test_a_host_that_is_not_there_is_replaced() -> None:
    async with (
        scripted_host(answer_chat) as good,
        in_process(gateway_to(NOWHERE, good.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        for _ in range(5):
            assert (await chat(client, url))[:2] == (200, "host-1")


async def test_what_has_begun_is_never_sent_twice() -> None:
    async with (
        scripted_host(breaks, loaded=("big:7b",)) as bad,
        scripted_host(answer_chat, models=("other",)) as good,
        in_process(gateway_to(bad.url, good.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        code, host, said = await chat(client, url)
        lines = [json.loads(line) for line in said.splitlines() if line]
        assert (code, host, lines[0]["message"]["content"]) == (200, "host-0", "one")
        assert "lost its connection" in lines[-1]["error"]
        assert not [seen for seen in good.seen if seen.path == "/api/chat"]
        assert sum(seen.path == "/api/chat" for seen in bad.seen) == 1


async def test_their_models_are_listed_together() -> None:
    async with (
        scripted_host(answer_chat, models=("a", "both"), loaded=("a",)) as one,
        scripted_host(answer_chat, models=("b", "both"), loaded=("b",)) as two,
        in_process(gateway_to(one.url, two.url, NOWHERE)) as url,
        aiohttp.ClientSession() as client,
    ):
        for path, names in (("/api/tags", ["a", "both", "b"]), ("/api/ps", ["a", "b"])):
            async with client.get(url + path) as answer:
                assert [row["name"] for row in (await answer.json())["models"]] == names


async def test_a_model_is_shown_by_a_host_that_has_it() -> None:
    async with (
        scripted_host(last_line_only, models=("a",)) as one,
        scripted_host(shows, models=("b",)) as two,
        in_process(gateway_to(one.url, two.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        async with client.post(f"{url}/api/show", json={"model": "b"}) as answer:
            assert (await answer.json())["details"] == {"family": "known here"}
        assert not [seen for seen in one.seen if seen.path == "/api/show"]


async def done(_: Seen, wire: Wire) -> None:
    await wire.record({})


CHANGES = [
    ("POST", "/api/pull", {"model": "b"}, "host-0"),
    ("POST", "/api/create", {"model": "new", "from": "b"}, "host-1"),
    ("POST", "/api/create", {"model": "new", "from": "nobody-has-it"}, "host-0"),
    ("POST", "/api/copy", {"source": "b", "destination": "new"}, "host-1"),
    ("POST", "/api/push", {"model": "b:latest"}, "host-1"),
    ("DELETE", "/api/delete", {"name": "b"}, "host-1"),
    ("DELETE", "/api/delete", {}, "host-0"),
]


@pytest.mark.parametrize(("method", "path", "body", "host"), CHANGES)
async def test_a_host_is_changed_that_has_the_model_or_is_named(
    method: str, path: str, body: dict[str, str], host: str
) -> None:
    async with (
        scripted_host(done, models=("a",)) as one,
        scripted_host(done, models=("b",)) as two,
        in_process(gateway_to(one.url, two.url, writes=True)) as url,
        aiohttp.ClientSession() as client,
    ):
        other = "host-0" if host == "host-1" else "host-1"
        for headers, wanted in (({}, host), ({"x-hotswap-host": other}, other)):
            async with client.request(method, url + path, json=body, headers=headers) as answer:
                assert (answer.status, answer.headers["x-hotswap-host"]) == (200, wanted)
        assert [[seen.path for seen in each.seen].count(path) for each in (one, two)] == [1, 1]


@pytest.mark.parametrize("path", ["/api/pull", "/api/create"])
async def test_a_host_that_is_not_there_cannot_be_changed(path: str) -> None:
    async with (
        scripted_host(done) as one,
        in_process(gateway_to(one.url, NOWHERE, writes=True)) as url,
        aiohttp.ClientSession() as client,
    ):
        async with client.post(url + path, json={"model": "b"}, headers={"x-hotswap-host": "host-7"}) as answer:
            error = "X-Hotswap-Host: there is no host 'host-7'; the hosts are: host-0, host-1"
            assert (answer.status, await answer.json()) == (400, {"error": error})
        async with client.post(url + path, json={"model": "b"}, headers={"x-hotswap-host": "host-1"}) as answer:
            assert answer.status in {502, 503}  # refused, or left alone already
        assert not [seen for seen in one.seen if seen.path == path]


async def last_line_only(_: Seen, wire: Wire) -> None:
    await wire.record(last_line())
