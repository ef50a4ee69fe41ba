"""Does a model come and go there, and is every swap seen with its parts?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from toolkit.measure.swap.study import SwapOrder, study_swaps

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.ollama.client import OllamaClient

pytestmark = pytest.mark.live

OPTIONS = {"num_ctx": 2048}
PATIENCE_S = 60.0


async def listed(client: OllamaClient, condition: Callable[[set[str]], bool]) -> set[str]:
    """What is in memory, as soon as it is as wanted."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        names = {row.name for row in await client.ps()}
        if condition(names) or time.monotonic() > deadline_s:
            return names
        await asyncio.sleep(0.1)


async def test_a_model_is_loaded_kept_and_unloaded(client: OllamaClient, pair: tuple[str, str]) -> None:
    model = pair[0]
    await client.load(model, options=OPTIONS)
    assert model in await listed(client, lambda names: model in names)
    row = next(row for row in await client.ps() if row.name == model)
    assert row.context_length in {None, 2048}
    await client.unload(model)
    assert model not in await listed(client, lambda names: model not in names)


async def test_every_pair_is_swapped_and_measured(client: OllamaClient, pair: tuple[str, str]) -> None:
    before = {(row.name, row.context_length) for row in await client.ps()}
    study = await study_swaps(SwapOrder(pair, 1, 0, OPTIONS, None), client)
    assert study.outcome.ended is None
    assert study.outcome.failures == ()
    assert len(study.outcome.samples) == study.planned == 6
    for row in study.matrix.rows:
        sample = row.sample
        assert sample.counters.load_ns is not None
        assert sample.move.model in sample.listed_after
        if sample.move.kind == "load":
            assert sample.listed_before == ()
    assert {(row.name, row.context_length) for row in await client.ps()} == before
