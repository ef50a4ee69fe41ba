"""SIGKILL while many clients are answered at once: what was acknowledged is there, whole, and in order."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.gateway.sessions import SessionStore

PROJECT = Path(__file__).resolve().parents[3]
WRITER = """
import asyncio, sys
from pathlib import Path
from tests.gateway.sessions.examples import exchange
from toolkit.gateway.sessions import SessionStore

async def client(store, number):
    for turn_number in range(1000):
        async with store.turn(f"s{number}") as turn:
            await turn.record(exchange(f"question {turn_number}", f"answer {turn_number}"))
        print(number, turn_number, flush=True)

async def main():
    store = SessionStore.open(Path(sys.argv[1]))
    await asyncio.gather(*(client(store, number) for number in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 25, 130])
async def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "s.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    writer = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - nothing else runs
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(acknowledged)]
    writer.send_signal(signal.SIGKILL)
    lines += writer.stdout.readlines()  # what it had said, and nobody had read yet
    writer.wait(30)
    writer.stdout.close()
    told = [tuple(map(int, line.split())) for line in lines if line.endswith("\n")]
    assert len(told) >= acknowledged
    store = SessionStore.open(path)
    try:
        for number in range(8):
            texts = [each.message.content for each in (await store.history(f"s{number}")).messages]
            turns = len(texts) // 2
            assert texts == [word for each in range(turns) for word in (f"question {each}", f"answer {each}")]
            assert turns >= sum(client == number for client, _ in told)
            assert turns <= sum(client == number for client, _ in told) + 1
        async with store.turn("s0") as turn:  # and it goes on
            assert turn.history.session_id == "s0"
    finally:
        await store.aclose()


def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path: Path) -> None:
    """A real limit on the size of files, in a process of its own: what was stored before stays readable."""
    script = """
import asyncio, resource, sys
from pathlib import Path
from tests.gateway.sessions.examples import exchange
from toolkit.gateway.sessions import SessionsFullError, SessionStore

async def main():
    store = SessionStore.open(Path(sys.argv[1]))
    async with store.turn("a") as turn:
        await turn.record(exchange("before"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    for size in (10, 1_000_000):
        try:
            async with store.turn("a") as turn:
                await turn.record(exchange("x" * size))
        except SessionsFullError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    async with store.turn("a") as turn:
        print(len(turn.history.messages))
        await turn.record(exchange("after"))
    print(len((await store.history("a")).messages))
    await store.aclose()

asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(tmp_path / "s.db")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)
    *errors, before, after = done.stdout.splitlines()
    assert len(errors) == 1
    assert "nothing of this" in errors[0]
    assert (before, after) == ("4", "6")
