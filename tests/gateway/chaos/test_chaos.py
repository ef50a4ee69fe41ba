"""Everything that goes wrong, each by itself and all together, under fifty clients; then the records are compared.

INV-CLEAR  every client gets an answer or a clear error, within its deadline
INV-ACK    no acknowledged message is lost
INV-ONCE   none is answered twice
INV-SENT   the gateway sends nothing that nobody asked for
INV-WELL   afterwards all is as before: nobody waits, nothing runs, everybody is answered

`make chaos` plays it with more blows and other seeds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
import warnings
from typing import TYPE_CHECKING

import pytest

from tests.gateway.chaos.crowd import CLIENTS, Crowd
from tests.gateway.chaos.judge import (
    everybody_was_told_in_time,
    nothing_acknowledged_is_lost,
    nothing_is_answered_twice,
    nothing_was_sent_in_secret,
    stored_in,
)
from tests.gateway.chaos.place import KINDS, Place, make_place
from tests.gateway.conftest import READY_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

SEED = int(os.environ.get("HOTSWAP_CHAOS_SEED", "1"))
ROUNDS = int(os.environ.get("HOTSWAP_CHAOS_ROUNDS", "1"))
"""Blows of the mixed chaos, four a round."""
HANG_S = 240.0
CLEAR = {"refused", "error"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = make_place(tmp_path)
    made.twin.start()
    made.gateway.start()
    try:
        made.twin.wait()
        made.gateway.wait()
        yield made
        made.gateway.stop()
        made.twin.stop()
    finally:
        for served in (made.gateway, made.twin):
            if served.process is not None:
                served.kill()
        with warnings.catch_warnings():
            # A connection that is given up in the moment in which it comes about can be lost by aiohttp.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


async def in_time(place: Place, crowds: list[Crowd], crowd: Crowd, *blows: Callable[[], None]) -> None:
    """Let the crowd talk, and do the blows meanwhile, one after the other; a hang ends the test."""

    async def strike() -> None:
        await asyncio.sleep(0.25)
        for blow in blows:
            await asyncio.to_thread(blow)

    crowds.append(crowd)
    await asyncio.to_thread(place.wait_until_well)
    try:
        async with asyncio.timeout(HANG_S):
            await asyncio.gather(crowd.talk(), strike())
    except TimeoutError:
        pytest.fail(f"{crowd.name} hangs: {crowd.ends()}, lately {crowd.attempts[-3:]}, {place.stats()['queue']}")
    judge(place, crowds, crowd)


def judge(place: Place, crowds: Sequence[Crowd], crowd: Crowd) -> None:
    stored = stored_in(place.sessions, f"{crowd.name}-")
    nothing_acknowledged_is_lost(crowd.messages, stored)
    nothing_is_answered_twice(stored)
    nothing_was_sent_in_secret(crowds, place.arrived + place.seen_by_twin())
    queue = place.stats()["queue"]
    assert (queue["waiting"], queue["running"]) == (0, 0)


def crowd_for(place: Place, name: str, models: Sequence[str], each: int = 2) -> Crowd:
    return Crowd(place.gateway.url, name, [f"{model}:1b" for model in models], SEED, each)


async def bad_but_there(place: Place, crowds: list[Crowd]) -> None:
    """Slow tokens; half a line, torn, ended or reset; 503s. Clients ask again, and all are answered."""
    for kind in ("slow", "half", "busy"):
        crowd = crowd_for(place, kind, [kind])
        await in_time(place, crowds, crowd)
        everybody_was_told_in_time(crowd, CLEAR)
        assert all(message.answer is not None for message in crowd.messages)
        assert (crowd.ends().keys() > {"answered"}) == (kind != "slow"), crowd.ends()


async def stalled(place: Place, crowds: list[Crowd]) -> None:
    """One in five answers stalls for 30 s: at its first byte, or in the middle."""
    crowd = crowd_for(place, "stall", ["stall"], each=1)
    await in_time(place, crowds, crowd, crowd.is_over)
    everybody_was_told_in_time(crowd, CLEAR)
    assert crowd.ends()["answered"]
    assert crowd.ends().keys() & CLEAR


async def deleted(place: Place, crowds: list[Crowd]) -> None:
    """From the fortieth request on. Others are not disturbed."""
    crowd = crowd_for(place, "gone", ["gone", "calm"])
    await in_time(place, crowds, crowd)
    everybody_was_told_in_time(crowd, CLEAR)
    refused = {(told.status, told.text) for told in crowd.attempts if told.end == "refused"}
    assert all(message.answer is not None for message in crowd.messages if message.model == "calm:1b")
    assert (404, "model 'gone:1b' not found") in refused


async def host_killed(place: Place, crowds: list[Crowd]) -> None:
    crowd = crowd_for(place, "twin", ["calm", "slow"])
    await in_time(place, crowds, crowd, place.kill_twin, place.twin.start, place.twin.wait)
    everybody_was_told_in_time(crowd, CLEAR)
    assert all(message.answer is not None for message in crowd.messages)
    assert crowd.ends().keys() & CLEAR


async def gateway_killed(place: Place, crowds: list[Crowd]) -> None:
    """Those who were cut off ask again under the same key; what had been answered unheard is said again."""
    crowd = crowd_for(place, "gateway", ["calm", "slow"])
    await in_time(place, crowds, crowd, place.gateway.kill, place.gateway.start, place.gateway.wait)
    everybody_was_told_in_time(crowd, {*CLEAR, "lost"})
    assert all(message.answer is not None for message in crowd.messages)
    assert crowd.ends()["lost"]


async def no_room_on_disk(place: Place, crowds: list[Crowd]) -> None:
    """No file of the gateway may grow: its sessions say so in place of an answer's end, plain calls go on."""
    crowd = crowd_for(place, "room", ["calm"], each=3)

    def full() -> None:
        place.gateway.limit_files(0)

    def until_told() -> None:
        while not any("disk" in told.text for told in crowd.attempts):
            time.sleep(0.01)

    def room() -> None:
        place.gateway.limit_files(-1)

    await in_time(place, crowds, crowd, full, until_told, room)
    everybody_was_told_in_time(crowd, CLEAR)
    assert all(message.answer is not None for message in crowd.messages)
    told = [(message, each) for message in crowd.messages for each in message.told if "disk" in each.text]
    assert all(message.session is not None for message, _ in told)
    assert {each.status for message, each in told if not message.streams} <= {507}


async def well_again(place: Place, crowds: list[Crowd]) -> None:
    """INV-WELL; and what was acknowledged at any time before is still there, once."""
    crowd = crowd_for(place, "after", ["calm"])
    await in_time(place, crowds, crowd)
    everybody_was_told_in_time(crowd, CLEAR)  # a busy machine can be slower than a deadline
    assert all(message.answer is not None for message in crowd.messages)
    for each in crowds:
        stored = stored_in(place.sessions, f"{each.name}-")
        nothing_acknowledged_is_lost(each.messages, stored)
        nothing_is_answered_twice(stored)


def until_answered(crowd: Crowd, more: int) -> None:
    """So many more answers have come."""
    before, until = crowd.ends(), time.monotonic() + READY_S
    while crowd.ends()["answered"] < before["answered"] + more:
        assert time.monotonic() < until, f"{crowd.ends() - before}, lately {crowd.attempts[-3:]}"
        time.sleep(0.05)


async def all_at_once(place: Place, crowds: list[Crowd]) -> None:
    """Faulty models, kills and a full disk in an order that the seed decides."""
    rng = random.Random(f"blows {SEED}")
    crowd = crowd_for(place, f"mixed{SEED}", [kind for kind in KINDS if kind != "gone"], each=1000)
    blows: list[Callable[[], None]] = []
    for _ in range(ROUNDS):
        round_of_blows = [
            (place.kill_twin, place.twin.start, place.twin.wait),
            (place.gateway.kill, place.gateway.start, place.gateway.wait),
            (lambda: place.gateway.limit_files(0), lambda: place.gateway.limit_files(-1)),
        ]
        rng.shuffle(round_of_blows)
        rest = lambda: until_answered(crowd, CLIENTS // 2)  # noqa: E731 - a blow like the others
        blows += [blow for several in round_of_blows for blow in (*several, rest)]
    await in_time(place, crowds, crowd, *blows, crowd.is_over)
    everybody_was_told_in_time(crowd, {*CLEAR, "lost"})
    assert crowd.ends()["answered"]


EACH = (bad_but_there, stalled, deleted, no_room_on_disk, host_killed, gateway_killed)


async def test_each_by_itself_then_all_together(place: Place) -> None:
    """One after the other on the same gateway and twin. A failure names the crowd in whose time it happened."""
    crowds: list[Crowd] = []
    for chaos in (*EACH, all_at_once, well_again):
        await chaos(place, crowds)
