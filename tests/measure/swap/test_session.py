"""The session against the twin behind HTTP: what it leaves behind, what it does when things go wrong."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from toolkit.config.twin import TwinSection
from toolkit.errors import HostError, UsageError
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.measure.swap.cache_state import State
from toolkit.measure.swap.moves import Move
from toolkit.measure.swap.session import SwapSession
from toolkit.measure.swap.study import SwapOrder, study_swaps
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.types import CreateRequest
from toolkit.replay.make_room import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.measure.swap.sample import Sample

FAST, CODE = "qwen2.5:7b", "deepseek-coder-v2:16b"
QUICK = Patience(poll_ns=5_000_000, settle_ns=0)
SIZES = {FAST: 4_700_000_000, CODE: 8_900_000_000}


@asynccontextmanager
async def client_of_twin(section: TwinSection | None = None) -> AsyncIterator[OllamaClient]:
    """A client of a quick twin that holds one model at a time."""
    one = {"OLLAMA_MAX_LOADED_MODELS": "1"}
    options = TwinOptions(section=section or TwinSection(), time_scale=0.01, environment=one)
    async with (
        listening(assemble(options, RealClock()).app, "127.0.0.1", 0) as url,
        OllamaClient(url) as client,
    ):
        yield client


class CountingDropper:
    """Notes what was in memory when the page cache was to be dropped."""

    def __init__(self, client: OllamaClient) -> None:
        self.seen: list[tuple[str, ...]] = []
        self._client = client

    async def drop(self) -> None:
        self.seen.append(tuple(row.name for row in await self._client.ps()))


async def test_a_swap_is_seen_as_one_and_the_host_is_put_back() -> None:
    async with client_of_twin() as client:
        await client.load(CODE, keep_alive_ns=-1)
        session = SwapSession(client, SIZES, patience=QUICK)
        outcome = await session.run(
            [Move("swap", FAST, CODE, "as_found", 0), Move("resident", CODE, CODE, "as_found", 0)]
        )
        assert (outcome.ended, outcome.interrupted, outcome.failures) == (None, False, ())
        swapped, again = outcome.samples
        assert swapped.evicted
        assert (swapped.listed_before, swapped.listed_after) == ((FAST,), (CODE,))
        assert any(FAST not in look.names for look in swapped.looks)
        assert swapped.victim_vram_bytes
        assert (again.counters.load_ns or 0) < 150_000_000
        assert [row.name for row in await client.ps()] == [CODE]


async def test_the_page_cache_is_dropped_when_memory_is_ready() -> None:
    async with client_of_twin(TwinSection(gpus=())) as client:
        dropper = CountingDropper(client)
        order = SwapOrder((FAST, CODE), 1, 0, {}, None)
        study = await study_swaps(order, client, dropper=dropper, patience=QUICK)
        assert sorted(dropper.seen) == [(), (), (CODE,), (FAST,)]
        assert study.dropped_caches
        states = {(cell.state, cell.state_known) for cell in study.matrix.cells}
        assert states == {(State.DISK, True), (State.PAGES, True), (State.RESIDENT, True)}


async def test_a_drop_that_is_not_allowed_ends_it_with_what_was_measured() -> None:
    class Forbidden:
        async def drop(self) -> None:
            raise HostError("no sudo")

    async with client_of_twin() as client:
        session = SwapSession(client, SIZES, patience=QUICK, dropper=Forbidden())
        outcome = await session.run([Move("load", None, FAST, "as_found", 0), Move("load", None, FAST, "dropped", 0)])
        assert outcome.ended == "stopped after 1 of 2 moves: no sudo"
        assert len(outcome.samples) == 1
        assert await client.ps() == ()


async def test_cancelling_keeps_what_was_measured() -> None:
    async with client_of_twin() as client:
        first = asyncio.Event()

        def measured(_sample: Sample) -> None:
            first.set()

        session = SwapSession(client, SIZES, patience=QUICK, on_sample=measured)
        task = asyncio.create_task(session.run([Move("load", None, FAST, "as_found", number) for number in range(50)]))
        await first.wait()
        task.cancel()
        outcome = await task
        assert outcome.interrupted
        assert 1 <= len(outcome.samples) < 50
        assert await client.ps() == ()


async def test_what_cannot_be_measured_is_refused_before_anything_is_touched() -> None:
    async with client_of_twin() as client:
        for models, words in ((("nobody", FAST), "no model nobody:latest"), ((FAST,), "needs two models")):
            with pytest.raises(UsageError, match=words):
                await study_swaps(SwapOrder(models, 1, 0, {}, None), client, patience=QUICK)
        assert await client.ps() == ()


async def test_two_names_of_one_file_are_refused() -> None:
    """The server runs one process for both, so that it would be waited for in vain."""
    async with client_of_twin() as client:
        await client.create(CreateRequest("again", FAST))
        with pytest.raises(UsageError, match=r"again:latest are one model file under two names"):
            await study_swaps(SwapOrder((FAST, "again"), 1, 0, {}, None), client, patience=QUICK)


async def test_a_move_that_fails_is_noted_and_the_rest_goes_on() -> None:
    async with client_of_twin() as client:
        session = SwapSession(client, {**SIZES, "gone:latest": 1}, patience=QUICK)
        outcome = await session.run(
            [Move("load", None, "gone:latest", "as_found", 0), Move("load", None, FAST, "as_found", 0)]
        )
        assert [failure.move.model for failure in outcome.failures] == ["gone:latest"]
        assert [sample.move.model for sample in outcome.samples] == [FAST]


async def test_the_twin_is_known_for_what_it_is() -> None:
    async with client_of_twin() as client:
        study = await study_swaps(SwapOrder((FAST, CODE), 1, 3, {"num_ctx": 4096}, None), client, patience=QUICK)
        assert study.facts.simulated
        assert not study.clocks_agree
        assert study.planned == len(study.outcome.samples) == 6
        swap = study.matrix.cell(FAST, CODE)
        assert swap is not None
        assert swap.evictions == 1
