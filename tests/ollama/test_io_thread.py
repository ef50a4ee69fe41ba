"""The I/O thread: results, errors, cancellation and the end, seen from threads and from other loops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from toolkit.ollama.io_thread import IoThread


async def nothing() -> None:
    """The last thing that an I/O thread does in these tests."""


async def where() -> int:
    return threading.get_ident()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def fail() -> None:
    raise LookupError("what I was told to raise")


class Waiting:
    """A coroutine that waits for ever, and whose clean-up can be seen."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.cleaned_up = threading.Event()

    async def run(self) -> None:
        try:
            self.started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up.set()


def test_32_threads_share_one_loop() -> None:
    io = IoThread()
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(lambda number: io.run(double(number)), range(1000))) == list(range(0, 2000, 2))
        assert len(set(pool.map(lambda _: io.run(where()), range(100)))) == 1
    io.close(nothing())


def test_many_loops_share_one_loop() -> None:
    io = IoThread()

    async def elsewhere(number: int) -> list[int]:
        return await asyncio.gather(*(io.run_async(double(number + offset)) for offset in range(5)))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: asyncio.run(elsewhere(number)), range(50)))
    assert found == [[2 * (number + offset) for offset in range(5)] for number in range(50)]
    io.close(nothing())


async def test_errors_come_through() -> None:
    io = IoThread()
    with pytest.raises(LookupError, match="what I was told"):
        await asyncio.to_thread(io.run, fail())
    with pytest.raises(LookupError, match="what I was told"):
        await io.run_async(fail())
    io.close(nothing())


async def test_a_cancelled_waiter_cancels_the_work_and_waits_for_its_clean_up() -> None:
    io, waiting = IoThread(), Waiting()
    task = asyncio.create_task(io.run_async(waiting.run()))
    await asyncio.to_thread(waiting.started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.cleaned_up.is_set()
    io.close(nothing())


async def test_a_waiter_cancelled_before_the_work_began_is_let_go() -> None:
    io, waiting = IoThread(), Waiting()
    task = asyncio.create_task(io.run_async(waiting.run()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    io.close(nothing())


async def test_close_ends_work_under_way_with_a_clear_error_and_its_clean_up() -> None:
    io, waiting = IoThread(), Waiting()
    blocked = asyncio.create_task(asyncio.to_thread(io.run, waiting.run()))
    await asyncio.to_thread(waiting.started.wait)
    await asyncio.to_thread(io.close, nothing())
    with pytest.raises(RuntimeError, match="closed while a call was under way"):
        await blocked
    assert waiting.cleaned_up.is_set()


def test_after_close_there_is_no_more_and_close_can_be_repeated() -> None:
    io = IoThread()
    assert io.run(double(1)) == 2
    for _ in range(2):
        io.close(nothing())
    with pytest.raises(RuntimeError, match="this client is closed; make a new one"):
        io.run(double(1))
    assert not [thread for thread in threading.enumerate() if thread.name == "hotswap-io"]


def test_an_unused_thread_is_never_started() -> None:
    io = IoThread("never-started")
    io.close(nothing())
    assert not [thread for thread in threading.enumerate() if thread.name == "never-started"]


def test_the_thread_refuses_to_wait_for_itself() -> None:
    io = IoThread()

    async def inside() -> int:
        with pytest.raises(RuntimeError, match="cannot wait for itself"):
            io.run(double(1))
        with pytest.raises(RuntimeError, match="cannot end itself"):
            io.close(nothing())
        return await io.run_async(double(4))

    assert io.run(inside()) == 8
    io.close(nothing())
