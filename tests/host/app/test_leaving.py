"""A client that leaves ends its request at once, wherever it stands."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.host.app.serve import listening
from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.clock import RealClock

if TYPE_CHECKING:
    from pathlib import Path


async def begin(url: str, path: str, body: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    data = json.dumps(body).encode()
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    return reader, writer


async def until(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


TURN = [{"role": "user", "content": "x"}]
ENDLESS = {"model": "loop", "prompt": "hi", "options": {"num_predict": 20_000}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", ENDLESS),
        ("/api/generate", {**ENDLESS, "stream": False}),
        ("/api/chat", {"model": "loop", "messages": TURN, "options": {"num_predict": 20_000}}),
        ("/v1/chat/completions", {"model": "loop", "messages": TURN, "stream": True, "max_tokens": 20_000}),
        ("/v1/completions", {"model": "loop", "prompt": "x", "max_tokens": 20_000}),
        ("/v1/responses", {"model": "loop", "input": "x", "stream": True, "max_output_tokens": 20_000}),
        ("/v1/messages", {"model": "loop", "max_tokens": 20_000, "messages": TURN, "stream": True}),
    ],
)
async def test_leaving_amid_an_answer(recorded: Path, path: str, body: dict[str, Any]) -> None:
    twin = assemble(TwinOptions(models_file=recorded, time_scale=0.05), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url:
        _, writer = await begin(url, path, body)
        await until(lambda: busy(twin) == 1)
        await asyncio.sleep(0.03)
        writer.transport.abort()
        await until(lambda: busy(twin) == 0)
        assert twin.host.state()["loaded"][0]["ref_count"] == 0


def busy(twin: Twin) -> int:
    return sum(line["busy_slots"] for line in twin.host.state()["loaded"])


async def test_leaving_amid_a_load(recorded: Path) -> None:
    twin = assemble(TwinOptions(models_file=recorded, time_scale=0.5), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url:
        _, writer = await begin(url, "/api/generate", {"model": "tiny"})
        await until(lambda: twin.host.state()["loading"] is not None)
        writer.transport.abort()
        await until(lambda: twin.host.state()["processes"] == [])
        assert twin.host.state()["loaded"] == []


async def test_leaving_the_queue(recorded: Path) -> None:
    twin = assemble(TwinOptions(models_file=recorded, time_scale=0.1), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url:
        first = await begin(url, "/api/generate", {"model": "tiny"})
        second = await begin(url, "/api/generate", {"model": "mini1"})
        await until(lambda: twin.host.state()["queued"] == 1)
        second[1].transport.abort()
        assert b"200 OK" in await first[0].readuntil(b"\r\n\r\n")
        first[1].close()
        await until(lambda: twin.host.state()["queued"] == 0)
        assert [line["model"] for line in twin.host.state()["loaded"]] == ["tiny:latest"]


async def test_leaving_a_pull_keeps_what_came(recorded: Path) -> None:
    twin = assemble(TwinOptions(models_file=recorded, time_scale=1, environment={"HTTPS_PROXY": ""}), RealClock())
    store, registries = twin.services.catalog.store, twin.services.registries
    store.remove(next(name for name in store.names() if name.model == "big400"))
    async with listening(twin.app, "127.0.0.1", 0) as url:
        reader, writer = await begin(url, "/api/pull", {"model": "big400"})
        while b"completed" not in await reader.readline():
            pass
        writer.transport.abort()
        await until(lambda: registries.partial)
    (have,) = registries.partial.values()
    assert 0 < have < 412_411_616
