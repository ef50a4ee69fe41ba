"""A queue on the client's side, before the simulated host in virtual time and before the HTTP twin in real time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.cache.steering.twin import Visit, host, plan_of
from tests.ollama.fake_host import FakeHost, Seen, Wire
from tests.replay import load_parts
from toolkit.experiment.simulate import twin_provenance
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.replay.virtual import play

if TYPE_CHECKING:
    from toolkit.replay.records import Run

S = 1_000_000_000


def played(strategy: str, models: str) -> Run:
    """Requests for these models a tenth of a second apart, answers of 1 s, one place."""
    setup = host(1)
    plan = plan_of([Visit(number * S // 10, f"{model}:1b") for number, model in enumerate(models)])
    return play(
        plan, setup.dispatcher(strategy), setup.spec, strategy=strategy, repetition=0,
        provenance=twin_provenance(setup, plan, 1), turns=setup.turns(strategy),
    )  # fmt: skip


def swaps(run: Run) -> int:
    return sum(record.temperature == "cold" for record in run.records)


def test_a_batch_for_one_model_costs_one_load_if_the_bound_allows_it() -> None:
    assert swaps(played("lru+fcfs", "ababab")) == 6
    assert swaps(played("lru+shadow", "ababab")) == 2
    assert swaps(played("lru+shadow(bound=0s)", "ababab")) == 6


def test_time_in_the_queue_is_queueing_and_the_parts_make_up_the_wait() -> None:
    for record in played("unload+shadow(send=one)", "ababab").records:
        parts = (record.queue_ns, record.evict_ns, record.load_ns)
        assert record.ready_ns is not None
        assert sum(part or 0 for part in parts) == record.ready_ns - record.intended_ns
        assert (record.queue_ns or 0) <= (record.ready_ns or 0) - record.intended_ns


async def test_on_a_real_host_one_is_sent_after_the_other() -> None:
    plan = load_parts.plan(*(load_parts.request(str(number), 0, model="qwen2.5:7b") for number in range(5)))
    setup = host(1)
    async with listening(assemble(TwinOptions(time_scale=0.002), RealClock()).app, "127.0.0.1", 0) as url:
        run = await load_parts.play(url, plan, turns=setup.turns("lru+fcfs(send=one)"))
    assert [record.outcome for record in run.records] == ["ok"] * 5
    for early, late in pairwise(sorted(run.records, key=lambda record: record.sent_ns or 0)):
        assert (early.done_ns or 0) <= (late.sent_ns or 0)
    # Waiting for a turn is not the client's lateness: else every such run would be void.
    assert run.client is not None
    assert run.client.schedule_lag_max_ns < max(record.sent_ns or 0 for record in run.records)


async def test_a_run_that_is_stopped_keeps_those_who_were_still_in_the_queue() -> None:
    """The first is under way for ever, the second waits for its turn: both have a record."""
    arrived = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/chat":
            arrived.set()
            await wire.gone()
        else:
            await wire.record({"models": []} if seen.path == "/api/ps" else {"version": "0.32.15"})

    turns = host(1).turns("lru+fcfs")
    async with FakeHost(script) as served:
        plan = load_parts.plan(load_parts.request("a", 0), load_parts.request("b", 0))
        task = asyncio.create_task(load_parts.play(served.url, plan, turns=turns))
        await arrived.wait()
        task.cancel()
        run = await task
    assert {record.id: record.outcome for record in run.records} == {"a": "cancelled", "b": "cancelled"}
    assert sum(seen.path == "/api/chat" for seen in served.seen) == 1
