"""Requests start in the order of their moments, never early, and late ones at once; on both kinds of alarm."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.replay.load_parts import MS, request
from toolkit.replay.alarm import KernelAlarm, LoopAlarm, alarm
from toolkit.replay.pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = [
    LoopAlarm,
    pytest.param(KernelAlarm, marks=pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's")),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_alarm_rings_once_and_never_early(kind: type[LoopAlarm | KernelAlarm]) -> None:
    rang: list[int] = []
    ring = asyncio.Event()

    def on_time() -> None:
        rang.append(time.monotonic_ns())
        ring.set()

    clock = kind(asyncio.get_running_loop(), on_time)
    at_ns = time.monotonic_ns() + 20 * MS
    clock.set(at_ns + 3_600_000 * MS)
    clock.set(at_ns)
    await asyncio.wait_for(ring.wait(), 10)
    assert len(rang) == 1
    assert rang[0] >= at_ns
    ring.clear()
    clock.set(time.monotonic_ns() - 1)  # a moment that has passed is now
    await asyncio.wait_for(ring.wait(), 10)
    clock.set(time.monotonic_ns() + 5 * MS)
    clock.close()
    await asyncio.sleep(0.02)
    assert len(rang) == 2


async def test_some_alarm_is_always_there() -> None:
    chosen = alarm(asyncio.get_running_loop(), lambda: None)
    assert isinstance(chosen, LoopAlarm | KernelAlarm)
    chosen.close()


def pacer(started: list[tuple[str, int]], start_ns: int, on_start: Callable[[], None] = lambda: None) -> Pacer:
    def start(one: object, due_ns: int) -> None:
        started.append((getattr(one, "id", ""), due_ns))
        on_start()

    return Pacer(asyncio.get_running_loop(), time.monotonic_ns, start_ns, start)


async def test_due_order_then_order_of_adding() -> None:
    started: list[tuple[str, int]] = []
    done = asyncio.Event()
    paced = pacer(started, time.monotonic_ns(), lambda: done.set() if len(started) == 5 else None)
    paced.begin([(20 * MS, request("c")), (5 * MS, request("a")), (5 * MS, request("b"))])
    paced.add(request("d"), 30 * MS)
    paced.add(request("first"), 1 * MS)
    assert not paced.is_idle
    await asyncio.wait_for(done.wait(), 10)
    assert [name for name, _ in started] == ["first", "a", "b", "c", "d"]
    assert started[1] == ("a", 5 * MS)
    assert paced.is_idle
    paced.close()


async def test_what_is_late_starts_at_once_and_keeps_its_moment() -> None:
    started: list[tuple[str, int]] = []
    done = asyncio.Event()
    paced = pacer(started, time.monotonic_ns() - 1000 * MS, lambda: done.set() if len(started) == 2 else None)
    paced.begin([(0, request("a")), (10 * MS, request("b"))])
    await asyncio.wait_for(done.wait(), 10)
    assert started == [("a", 0), ("b", 10 * MS)]
    paced.close()


async def test_a_closed_pacer_starts_nothing() -> None:
    started: list[tuple[str, int]] = []
    paced = pacer(started, time.monotonic_ns())
    paced.begin([(5 * MS, request("a"))])
    paced.close()
    await asyncio.sleep(0.02)
    assert started == []
