"""A host that stalls: the open loop must say so, and the closed loop shows why it cannot be trusted with that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.replay.load_parts import S, plan, play, request
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions
from toolkit.host.clock import RealClock
from toolkit.host.faults.doors import PortDoors
from toolkit.host.faults.faulty_host import assemble_faulty
from toolkit.host.faults.plan import FaultPlan, RequestWhen, Stall
from toolkit.replay.load_summary import LoadSummary, load_summary
from toolkit.workload.shape import closed_loop

if TYPE_CHECKING:
    from toolkit.host.faults.when import Asked
    from toolkit.workload.plan import Plan

STALL_S, REQUESTS, EVERY_MS = 10, 300, 10
WINDOW = range(100, 110)
MODEL = "qwen2.5:7b"


async def load_on_a_stalling_twin(what: Plan, stalled_from: int) -> LoadSummary:
    """Whatever arrives in a tenth of a second, beginning with the n-th request, is answered 10 s later."""
    arrived = 0
    window_ns = [0, 0]

    def is_in_window(asked: Asked) -> bool:
        nonlocal arrived
        arrived += 1
        if arrived == stalled_from:
            window_ns[:] = [asked.at_ns, asked.at_ns + len(WINDOW) * EVERY_MS * 1_000_000]
        return window_ns[0] <= asked.at_ns < window_ns[1]

    stall = Stall(for_ns=STALL_S * S, when=RequestWhen(path="/api/chat", predicate=is_in_window))
    faults = FaultPlan((stall,))
    doors = PortDoors(faults)
    twin = assemble_faulty(TwinOptions(time_scale=0.0), RealClock(), faults, doors)
    async with listening(twin.app, "127.0.0.1", 0, doors) as url:
        await play(url, plan(request("load", 0, model=MODEL)))
        return load_summary(await play(url, what))


async def test_the_p99_of_an_open_loop_shows_a_stall_that_a_closed_loop_hides() -> None:
    """Open: 10 of 300 requests arrive in the stall, so 3.3 % wait 10 s, and the 99th percentile is 10 s.

    Closed: 2 users are both caught by it, once each, and then ask nothing: 2 of 300 is less than 1 %.
    """
    arrivals = plan(*(request(str(number), number * EVERY_MS, model=MODEL) for number in range(REQUESTS)))
    first = WINDOW.start + 2  # the one that loads the model was the first
    opened, closed = await asyncio.gather(
        load_on_a_stalling_twin(arrivals, first),
        load_on_a_stalling_twin(closed_loop(arrivals, users=2, think_ns=0), first),
    )
    assert opened.ttft_warm_intended_s is not None
    assert opened.ttft_warm_intended_s.count == REQUESTS
    assert opened.ttft_warm_intended_s.p99 == pytest.approx(STALL_S, rel=0.2)
    assert opened.ttft_warm_intended_s.p50 < STALL_S / 2
    assert closed.ttft_warm_intended_s is not None
    assert closed.ttft_warm_intended_s.count == REQUESTS
    assert closed.ttft_warm_intended_s.max == pytest.approx(STALL_S, rel=0.2)
    assert closed.ttft_warm_intended_s.p99 is not None
    assert closed.ttft_warm_intended_s.p99 < STALL_S / 2
