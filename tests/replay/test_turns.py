"""The queue before the host: who may be sent, in which clock it may be."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.disciplines.fcfs import FirstCome
from toolkit.cache.disciplines.resident_first import ResidentFirst
from toolkit.replay.doorman import Doorman
from toolkit.replay.turns import Turns

MINUTE_NS = 60 * 10**9


def admitted(turns: Turns, now_ns: int, loaded: str) -> str:
    """All who may go at this moment."""
    found = ""
    while (ticket := turns.admit(now_ns, loaded)) is not None:
        found += ticket
    return found


def queue(turns: Turns, models: str) -> None:
    """Requests 0, 1, 2 … for these models, all at time 0."""
    for number, model in enumerate(models):
        turns.arrived(str(number), model, 0)


def test_one_at_a_time_in_the_disciplines_order() -> None:
    turns = Turns(ResidentFirst(MINUTE_NS), alone=True)
    queue(turns, "aba")
    assert admitted(turns, 0, "") == "0"
    assert admitted(turns, 1, "a") == ""
    turns.ended("0", 2, 1)
    assert admitted(turns, 2, "a") == "2"
    turns.ended("2", 3, None)
    assert admitted(turns, 3, "a") == "1"


def test_beside_others_goes_who_is_resident_while_nothing_loads() -> None:
    turns = Turns(FirstCome())
    queue(turns, "abab")
    assert admitted(turns, 0, "b") == "0"  # it loads a: nobody beside it, not even for b
    turns.ended("0", 1, 1)
    assert admitted(turns, 1, "ab") == "12"  # the second request for b waits for the first
    turns.ended("1", 2, 1)
    assert admitted(turns, 2, "ab") == "3"


def test_more_for_one_model_side_by_side_where_it_has_places() -> None:
    turns = Turns(FirstCome(), parallel=2)
    queue(turns, "aaa")
    assert admitted(turns, 0, "a") == "01"


def test_whoever_must_wait_for_room_holds_up_those_behind() -> None:
    """Else a stream of requests for resident models would keep the victim busy for ever."""
    turns = Turns(FirstCome())
    queue(turns, "aba")
    assert admitted(turns, 0, "a") == "0"
    turns.ended("0", 1, 1)
    assert admitted(turns, 1, "a") == "1"
    turns.ended("1", 2, 1)
    assert admitted(turns, 2, "b") == "2"


def test_who_leaves_is_not_waited_for_whether_chosen_or_not() -> None:
    turns = Turns(FirstCome())
    queue(turns, "abab")
    assert admitted(turns, 0, "a") == "0"
    turns.left("1")  # it was the next, held until there is room
    turns.left("3")
    turns.left("0")  # it is under way: nothing to leave
    turns.left("unknown")
    assert admitted(turns, 0, "a") == ""
    turns.ended("0", 1, 1)
    assert admitted(turns, 1, "a") == "2"
    turns.ended("2", 2, 1)
    assert admitted(turns, 2, "a") == ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30), st.booleans(), st.integers(1, 2))
def test_everybody_goes_once_and_never_beside_a_load(steps: list[tuple[str, bool]], alone: bool, parallel: int) -> None:
    """Arrivals and ends in any order, on a host with two places."""
    turns = Turns(ResidentFirst(MINUTE_NS), alone=alone, parallel=parallel)
    loaded: list[str] = []
    under_way: dict[str, str] = {}
    models: dict[str, str] = {}
    went: Counter[str] = Counter()
    now_ns = 0

    def settle() -> None:
        while (ticket := turns.admit(now_ns, tuple(loaded))) is not None:
            model = models[ticket]
            went[ticket] += 1
            assert not under_way or model in loaded
            assert not (alone and under_way)
            assert list(under_way.values()).count(model) < parallel
            if model not in loaded:
                loaded[:] = [*loaded, model][-2:]
            under_way[ticket] = model

    def end_one() -> None:
        ticket = next(iter(under_way))
        del under_way[ticket]
        turns.ended(ticket, now_ns, 1)

    for number, (model, ends) in enumerate(steps):
        now_ns += 1
        models[str(number)] = model
        turns.arrived(str(number), model, now_ns)
        settle()
        if ends and under_way:
            end_one()
            settle()
    while under_way:
        now_ns += 1
        end_one()
        settle()
    assert went == Counter(models.keys())


async def test_tasks_wait_at_the_door_and_one_that_is_cancelled_makes_way() -> None:
    looks = 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return "a"

    doorman = Doorman(Turns(FirstCome(), alone=True), lambda: looks, look)
    order: list[str] = []

    async def one(ticket: str) -> None:
        await doorman.wait(ticket, "a")
        order.append(ticket)

    tasks = {name: asyncio.create_task(one(name)) for name in "xyz"}
    await tasks["x"]
    tasks["y"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks["y"]
    doorman.ended("x", 1)
    await tasks["z"]
    assert order == ["x", "z"]
    doorman.ended("z", None)
    assert looks >= 2
    await doorman.close()
