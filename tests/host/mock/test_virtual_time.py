"""A clock that stands still until somebody waits, and jumps when nothing else can happen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.mock.crowd import Crowd, Party
from toolkit.host.mock.thread import TwinThread
from toolkit.host.mock.virtual_time import VirtualClock, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

NS_PER_S = 1_000_000_000


@pytest.fixture
def thread() -> Iterator[TwinThread]:
    """A twin's thread on virtual time that nobody waits for."""
    made = TwinThread(VirtualTime(Crowd(lambda: None, 10.0)))
    yield made
    made.close()


def test_time_stands_still_while_nobody_waits(thread: TwinThread) -> None:
    assert thread.time is not None
    fired: list[float] = []
    thread.ask(lambda: thread.loop.call_later(60.0, fired.append, 1.0))
    thread.ask(lambda: None)
    assert fired == []
    assert thread.time.now_ns == 0


def test_an_advance_ends_exactly_where_it_should_and_after_what_is_due_there(thread: TwinThread) -> None:
    assert thread.time is not None
    fired: list[int] = []
    time = thread.time
    thread.ask(lambda: thread.loop.call_later(1.5, lambda: fired.append(time.now_ns)))
    thread.ask(lambda: thread.loop.call_later(2.0, lambda: fired.append(time.now_ns)))
    thread.run(thread.pass_time(1_500_000_000))
    assert fired == [1_500_000_000]
    thread.run(thread.pass_time(499_999_999))
    assert fired == [1_500_000_000]
    thread.run(thread.pass_time(1))
    assert fired == [1_500_000_000, 2_000_000_000]
    assert time.now_ns == 2_000_000_000


def test_timers_of_one_instant_fire_in_the_order_in_which_they_were_set(thread: TwinThread) -> None:
    fired: list[int] = []

    def arm() -> None:
        for number in range(200):
            thread.loop.call_later(3.25, fired.append, number)

    thread.ask(arm)
    thread.run(thread.pass_time(4 * NS_PER_S))
    assert fired == list(range(200))


def test_the_clock_adds_nanoseconds_without_an_error_over_days(thread: TwinThread) -> None:
    assert thread.time is not None
    clock = VirtualClock(thread.time, wall_start_ns=7)

    async def naps() -> list[int]:
        seen = []
        for nap_ns in (1, 999_999_999, 86_400 * NS_PER_S + 1, 3, 86_400 * 20 * NS_PER_S + 17):
            await clock.sleep_ns(nap_ns)
            seen.append(clock.now_ns())
        return seen

    napping = asyncio.run_coroutine_threadsafe(naps(), thread.loop)
    thread.run(thread.pass_time(86_400 * 30 * NS_PER_S))
    assert napping.result() == [
        1,
        1_000_000_000,
        86_401 * NS_PER_S + 1,
        86_401 * NS_PER_S + 4,
        (86_401 + 86_400 * 20) * NS_PER_S + 21,
    ]
    assert clock.wall_ns() == clock.now_ns() + 7


def test_a_closed_thread_leaves_no_task_behind(thread: TwinThread) -> None:
    ended: list[str] = []

    async def sleeper() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    thread.call(thread.spawn, sleeper())
    thread.ask(lambda: None)
    thread.close()
    assert ended == ["cancelled"]
    assert thread.closed


def test_the_thread_cannot_wait_for_itself(thread: TwinThread) -> None:
    with pytest.raises(RuntimeError, match="cannot wait for itself"):
        thread.ask(lambda: thread.ask(lambda: None))


def test_time_passes_only_when_everybody_who_waits_has_settled() -> None:
    crowd, busy, ready = Crowd(lambda: None, 10.0), Party(), Party(settled=True)
    assert not crowd.may_pass()
    crowd.begin(ready)
    assert crowd.may_pass()
    crowd.begin(busy)
    assert not crowd.may_pass()
    assert crowd.pause_s() is not None
    busy.deliver()
    busy.report(0)
    assert not crowd.may_pass(), "a delivery is on its way to it"
    busy.report(1)
    assert crowd.may_pass()
    busy.acted()
    assert not crowd.may_pass()
    crowd.give_up_pause()
    assert crowd.may_pass(), "nobody is waited for without end"
    busy.acted()
    busy.blocked += 1
    assert crowd.may_pass(), "its loop stands still because a blocking client waits in it"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_the_crowd_knows_who_waits(steps: list[tuple[int, bool]]) -> None:
    crowd = Crowd(lambda: None, 10.0)
    parties = [Party(settled=True) for _ in range(4)]
    for number, begins in steps:
        if begins:
            crowd.begin(parties[number])
        elif parties[number].waiting:
            crowd.end(parties[number])
        assert (crowd.patience_s() is not None) == any(party.waiting for party in parties)
