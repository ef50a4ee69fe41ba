"""The swap storm, direct and through the gateway: at most half of the loads, and the promise is kept.

`make chaos` plays storms at other speeds and in other orders, too, one after the other; none of them may hang.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.gateway.chaos.place import Served
from tests.gateway.chaos.storm import CONFIG, Due, loads_of, play, promise_of, storm

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMISE_S = 0.5
COUNT = 24
BEAT_S = 0.05
WARM = 5
"""Answers of each model before the storm: until something is known, each counts as 5 s, a hundred times too much."""
STORMS = 5 * int(os.environ.get("HOTSWAP_CHAOS_ROUNDS", "0"))
SEED = int(os.environ.get("HOTSWAP_CHAOS_SEED", "1"))
HANG_S = 120.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served, Served]]:
    """A gateway, the twin behind it, and another twin."""
    folder = tmp_path_factory.mktemp("storm")
    config = folder / "config.yaml"
    section = f"gateway:\n  queue: {{promise: {PROMISE_S}s}}\n  trace: {{file: null}}\n  sessions: {{file: null}}\n"
    config.write_text(CONFIG + section, encoding="utf-8")
    twin = ("twin", "serve", "--config", str(config), "--inspect")
    behind, alone = Served(twin, folder / "behind"), Served(twin, folder / "alone")
    gateway = Served(("serve", "--config", str(config), "--host", behind.url), folder / "gateway")
    made = gateway, behind, alone
    for served in made:
        served.start()
    try:
        for served in made:
            served.wait()
        yield made
        for served in made:
            served.stop()
    finally:
        for served in made:
            served.kill()


async def test_half_of_the_loads_and_nobody_later_than_promised(servers: tuple[Served, Served, Served]) -> None:
    """INV-PROMISE on HTTP: start ≤ start by first come, first served + promise + what estimates can be wrong by.

    And by what the measurement cannot explain, which is nothing unless the machine is busy.
    """
    gateway, behind, alone = servers
    for due in {due.model: due for due in storm(12, 0)}.values():
        for _ in range(WARM):
            await play(gateway.url, [Due(0, due.model, due.text, due.tokens)])
    before = await loads_of(behind.url)
    async with asyncio.timeout(HANG_S):
        through, _ = await asyncio.gather(
            play(gateway.url, storm(COUNT, BEAT_S)), play(alone.url, storm(COUNT, BEAT_S))
        )
    loads, direct = await loads_of(behind.url) - before, await loads_of(alone.url)
    promise = promise_of(through)
    assert loads <= direct / 2, f"{loads} loads instead of {direct}"
    assert loads == sum(gone.is_cold for gone in through)
    assert max(promise.late_s) <= PROMISE_S + promise.error_s + promise.overhead_s, f"{promise}"


@pytest.mark.skipif(not STORMS, reason="longer: `make chaos`")
async def test_no_storm_hangs(servers: tuple[Served, Served, Served]) -> None:
    """Random moments at many speeds, twenty requests each."""
    gateway, *_ = servers
    for number in range(STORMS):
        rng = random.Random(f"storm {SEED} {number}")
        requests = storm(20, rng.choice((0.0, 0.01, 0.05, 0.2, 0.35)), rng)
        rng.shuffle(requests)
        async with asyncio.timeout(HANG_S):
            assert len(await play(gateway.url, sorted(requests, key=lambda due: due.at_s))) == len(requests)
