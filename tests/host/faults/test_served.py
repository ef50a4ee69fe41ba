"""Faults of a twin that is served over a real socket: what a refused, a cut and a reset connection look like there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions
from toolkit.host.clock import RealClock
from toolkit.host.faults.doors import PortDoors
from toolkit.host.faults.faulty_host import FaultyTwin, assemble_faulty
from toolkit.host.faults.plan import (
    ErrorLine,
    Fault,
    FaultPlan,
    HalfLine,
    HttpError,
    Refuse,
    RequestWhen,
    Reset,
    SlowTokens,
    Stall,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MS = 1_000_000
ASK = {"model": "qwen2.5:7b", "prompt": "hi"}
OPTIONS = TwinOptions(time_scale=0.0)


@contextlib.asynccontextmanager
async def served(*faults: Fault) -> AsyncIterator[tuple[httpx.AsyncClient, FaultyTwin]]:
    """A twin on a free port of this machine, and a client of it."""
    plan = FaultPlan(faults)
    doors = PortDoors(plan)
    faulty = assemble_faulty(OPTIONS, RealClock(), plan, doors)
    async with (
        listening(faulty.app, "127.0.0.1", 0, doors) as url,
        httpx.AsyncClient(base_url=url, timeout=10) as client,
    ):
        yield client, faulty


async def pieces(client: httpx.AsyncClient, path: str = "/api/generate") -> tuple[bytes, Exception | None]:
    """What came of a stream, and the error that ended it."""
    found = b""
    try:
        async with client.stream("POST", path, json=ASK) as response:
            async for piece in response.aiter_raw():
                found += piece
    except httpx.HTTPError as error:
        return found, error
    return found, None


async def test_a_reset_before_the_answer_is_a_reset() -> None:
    async with served(Reset(when=RequestWhen(nth=(1,)))) as (client, _):
        with pytest.raises(httpx.ReadError):
            await client.get("/api/version")
        assert (await client.get("/api/version")).status_code == 200


async def test_a_reset_is_one_on_the_wire() -> None:
    async with served(Reset()) as (client, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()


async def test_a_stream_is_reset_in_the_middle() -> None:
    async with served(Reset(after_pieces=2)) as (client, _):
        _, error = await pieces(client)
        assert isinstance(error, httpx.ReadError)


async def test_half_a_line_is_followed_by_the_end_of_the_connection() -> None:
    async with served(HalfLine(after_pieces=2)) as (client, _):
        found, error = await pieces(client)
        assert isinstance(error, httpx.RemoteProtocolError)
        assert found.count(b"\n") == 2
        assert not found.endswith(b"\n")


async def test_an_error_line_ends_a_stream_regularly() -> None:
    async with served(ErrorLine(after_pieces=2)) as (client, _):
        found, error = await pieces(client)
        assert error is None
        assert found.splitlines()[-1].startswith(b'{"error":')


async def test_an_error_status_keeps_the_connection() -> None:
    async with served(HttpError(status=503, when=RequestWhen(nth=(1,)))) as (client, _):
        assert [(await client.get("/api/version")).status_code for _ in range(2)] == [503, 200]


async def test_nobody_listens_for_a_while_after_a_refused_request() -> None:
    async with served(Refuse(for_ns=200 * MS, when=RequestWhen(nth=(2,)))) as (client, _):
        assert (await client.get("/api/version")).status_code == 200
        with pytest.raises(httpx.ReadError):
            await client.get("/api/version")
        with pytest.raises(httpx.ConnectError):
            await client.get("/api/version")
        assert (await until_answered(client)).status_code == 200


async def test_nobody_listens_in_a_window_of_time() -> None:
    async with served(Refuse(when=RequestWhen(before_ns=200 * MS))) as (client, _):
        with pytest.raises(httpx.ConnectError):
            await client.get("/api/version")
        assert (await until_answered(client)).status_code == 200


async def until_answered(client: httpx.AsyncClient) -> httpx.Response:
    """Ask until somebody listens; the client's own wait for the connection is what time passes with."""
    while True:
        try:
            return await client.get("/api/version")
        except httpx.ConnectError:
            continue


async def test_a_stall_and_slow_tokens_take_real_time() -> None:
    slow = SlowTokens(pause_ns=5 * MS, when=RequestWhen(path="/api/generate"))
    async with served(Stall(for_ns=50 * MS, when=RequestWhen(path="/api/version")), slow) as (client, faulty):
        started_ns = faulty.injector.now_ns
        await client.get("/api/version")
        assert faulty.injector.now_ns - started_ns >= 50 * MS
        started_ns = faulty.injector.now_ns
        found, _ = await pieces(client)
        assert faulty.injector.now_ns - started_ns >= 5 * MS * found.count(b"\n")


async def test_a_client_that_leaves_a_stall_leaves_nothing_behind() -> None:
    async with served(Stall(when=RequestWhen(nth=(1,)))) as (client, faulty):
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/api/generate", json=ASK, timeout=0.05)
        assert (await client.get("/api/version")).status_code == 200
        assert faulty.twin.host.scheduler.runners() == ()


async def test_faults_work_under_another_asgi_server_as_well() -> None:
    faults = (
        Reset(when=RequestWhen(path="/api/version", nth=(1,))),
        HalfLine(after_pieces=2, when=RequestWhen(path="/api/generate", nth=(1,))),
        HttpError(when=RequestWhen(path="/api/tags")),
    )
    plan = FaultPlan(faults)
    faulty = assemble_faulty(OPTIONS, RealClock(), plan, PortDoors(plan))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app: Any = faulty.app
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server._serve([listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            with pytest.raises(httpx.ReadError):
                await client.get("/api/version")
            assert (await client.get("/api/version")).status_code == 200
            _, error = await pieces(client)
            assert isinstance(error, httpx.RemoteProtocolError)
            assert (await client.get("/api/tags")).status_code == 500
        server.should_exit = True
        await serving
