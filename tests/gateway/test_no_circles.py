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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.ollama.fake_host import Seen, Wire

ROUNDS = 2000
SAID = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}


async def answers(_: Seen, wire: Wire) -> None:
    await wire.head()
    await wire.line(chat_line("one"))
    await wire.line(last_line())
    await wire.end()


async def fails(_: Seen, wire: Wire) -> None:
    await wire.record({"error": "no such thing"}, status=404)


def left() -> list[str]:
    """What there is of requests, in circles or not."""
    return [type(each).__name__ for each in gc.get_objects() if isinstance(each, Account | Course | HostReply | Pieces)]


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
        gc.disable()
        try:
            for _ in range(2):
                async with client.post(url + path, json={**SAID, **more}) as answer:
                    await answer.read()
            rounds = 0
            while left() and rounds < ROUNDS:  # until the connections are closed on both sides
                await asyncio.sleep(0)
                rounds += 1
            assert left() == []
        finally:
            gc.enable()
