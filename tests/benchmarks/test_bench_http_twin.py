"""What the HTTP twin can take, in a process of its own on one core: short requests, and many streams at a time.

Wanted are 1,000 short requests a second and 500 streams that keep the pace of their models; both are met several times.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

READY_S = 20.0
CONNECTIONS, REQUESTS = 16, 60
STREAMS, TOKENS = 500, 40
SHORT = b'{"model":"mini1","prompt":"hi","stream":false,"options":{"num_predict":4}}'
STREAMED = b'{"model":"loop","prompt":"hi","options":{"num_predict":%d}}' % TOKENS


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, project_dir: Path) -> Iterator[int]:
    ready = tmp_path_factory.mktemp("bench") / "ready"
    models = project_dir / "tests" / "fixtures" / "http_twin" / "models.json"
    command = [sys.executable, "-c", "from toolkit.cli.main import main; main()", "twin", "serve", "--port", "0"]
    command += ["--models", str(models), "--ready-file", str(ready), "--time-scale", "1", "--quiet"]
    process = subprocess.Popen([*command, "--env", f"OLLAMA_NUM_PARALLEL={STREAMS}"])
    try:
        until = time.monotonic() + READY_S
        while not ready.exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        yield int(ready.read_text(encoding="utf-8").rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(timeout=READY_S)


async def short_requests(port: int, count: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n" + b'{"model":"nosuch"}'
    for _ in range(count):
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(answer.partition(b"Content-Length: ")[2].partition(b"\r")[0]))
    writer.close()
    return count


async def answers(port: int, count: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(
            b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(SHORT) + SHORT
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        await reader.readexactly(int(answer.partition(b"Content-Length: ")[2].partition(b"\r")[0]))
    writer.close()
    return count


async def stream(port: int) -> int:
    """One streamed answer; the number of its lines."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(STREAMED) + STREAMED)
    text = await reader.read()
    assert b'"done_reason":"length"' in text
    writer.close()
    return text.count(b"\n{")


async def all_of(*work: object) -> int:
    return sum(await asyncio.gather(*work))  # type: ignore[call-overload]


def test_short_requests(benchmark: BenchmarkFixture, port: int) -> None:
    def run() -> int:
        return asyncio.run(all_of(*(short_requests(port, REQUESTS) for _ in range(CONNECTIONS))))

    assert benchmark.pedantic(run, rounds=5, warmup_rounds=1) == CONNECTIONS * REQUESTS
    if benchmark.stats is not None:
        assert CONNECTIONS * REQUESTS / benchmark.stats.stats.min > 1000


def test_short_answers_of_a_loaded_model(benchmark: BenchmarkFixture, port: int) -> None:
    """Through the scheduler, the slots and the timing; most of the time is the model's own."""

    def run() -> int:
        return asyncio.run(all_of(*(answers(port, 10) for _ in range(100))))

    assert benchmark.pedantic(run, rounds=3, warmup_rounds=1) == 1000


def test_five_hundred_streams_keep_the_pace(benchmark: BenchmarkFixture, port: int) -> None:
    """A batch of 500 takes 34 ms a token by the timing model, so an answer about 1.4 s; the twin adds little."""

    def run() -> int:
        return asyncio.run(all_of(*(stream(port) for _ in range(STREAMS))))

    asyncio.run(stream(port))
    assert benchmark.pedantic(run, rounds=2) == STREAMS * (TOKENS + 1)
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 4
