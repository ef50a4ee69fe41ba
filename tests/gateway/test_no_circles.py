"""Nothing of a request is held only by itself: the collector runs once a minute, and memory would grow until then."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.ollama.fake_host import chat_line, last_line
from toolkit.gateway.course import Course
from toolkit.gateway.outgoing import Pieces
from toolkit.gateway.remembered import Account
from toolkit.gateway.reply import HostReply
from toolkit.gateway.sessions import StoredMessage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from tests.ollama.fake_host import Seen, Wire

ROUNDS = 2000
OF_A_REQUEST = (Account, Course, HostReply, Pieces)
SAID = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}


async def answers(_: Seen, wire: Wire) -> None:
    await wire.head()
    await wire.line(chat_line("one"))
    await wire.line(last_line())
    await wire.end()


async def fails(_: Seen, wire: Wire) -> None:
    await wire.record({"error": "no such thing"}, status=404)


def made(kinds: tuple[type, ...], before: AbstractSet[int] = frozenset()) -> list[object]:
    """What there is of such things, in circles or not, but for those of other tests."""
    return [each for each in gc.get_objects() if isinstance(each, kinds) and id(each) not in before]


@pytest.mark.parametrize("script", [answers, fails])
@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/api/chat", {}),
        ("/api/chat", {"stream": False}),
        ("/api/chat", {"session": "kitchen"}),
        ("/api/chat", {"session": "kitchen", "stream": False}),
        ("/v1/chat/completions", {"stream": True}),
        ("/v1/chat/completions", {}),
    ],
)
async def test_a_request_that_is_over_is_gone_without_the_collector(
    tmp_path: Path, path: str, more: dict[str, Any], script: Callable[[Seen, Wire], Awaitable[None]]
) -> None:
    async with (
        scripted_host(script, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url, sessions={"file": str(tmp_path / "s.db")})) as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client,
    ):
        gc.collect()
        before = set(map(id, made(OF_A_REQUEST)))
        gc.disable()
        try:
            for _ in range(2):
                async with client.post(url + path, json={**SAID, **more}) as answer:
                    await answer.read()
            rounds = 0
            while made(OF_A_REQUEST, before) and rounds < ROUNDS:  # until the connections are closed on both sides
                await asyncio.sleep(0)
                rounds += 1
            assert made(OF_A_REQUEST, before) == []
        finally:
            gc.enable()


async def test_the_history_is_let_go_of_while_the_answer_is_under_way(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(seen: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("one"))
        if len(seen.json["messages"]) > 1:
            begun.set()
            await go_on.wait()
        await wire.line(last_line())
        await wire.end()

    async with (
        scripted_host(slow, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url, sessions={"file": str(tmp_path / "s.db")})) as url,
        aiohttp.ClientSession() as client,
    ):
        body, before = {**SAID, "session": "kitchen"}, set(map(id, made((StoredMessage,))))
        async with client.post(f"{url}/api/chat", json=body) as answer:
            await answer.read()
        async with client.post(f"{url}/api/chat", json=body) as answer:
            await begun.wait()
            assert made((StoredMessage,), before) == []
            go_on.set()
            assert len((await answer.read()).splitlines()) == 2
