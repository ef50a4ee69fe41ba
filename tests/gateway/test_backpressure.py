"""A client that reads slowly makes the host wait; the gateway keeps no more of an answer than a piece or two."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiohttp

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.ollama.fake_host import chat_line, last_line

if TYPE_CHECKING:
    from tests.ollama.fake_host import Seen, Wire

MOST_HELD_BYTES = 32 << 20
"""More than the sockets on both sides and the gateway's own buffers hold together."""
CHAT = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}
LINE = chat_line("word " * 10_000)


async def test_of_an_answer_that_nobody_reads_only_as_much_is_taken_as_sockets_hold_and_then_all_of_it_comes() -> None:
    sent, stuck = 0, asyncio.Event()

    async def talkative(_: Seen, wire: Wire) -> None:
        nonlocal sent
        await wire.head()
        while not stuck.is_set() and sent * len(json.dumps(LINE)) < MOST_HELD_BYTES:
            writing = asyncio.ensure_future(wire.line(LINE))
            await asyncio.wait({writing}, timeout=0.5)
            sent += 1
            if not writing.done():
                stuck.set()
                await writing
        stuck.set()
        await wire.line(last_line())
        await wire.end()

    async with (
        scripted_host(talkative, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/chat", json=CHAT) as answer,
    ):
        await stuck.wait()
        assert sent * len(json.dumps(LINE)) < MOST_HELD_BYTES
        lines = (await answer.read()).splitlines()
    assert lines == [json.dumps(LINE).encode()] * sent + [json.dumps(last_line()).encode()]
