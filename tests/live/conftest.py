"""What live tests get: a client of the asked host, two of its models, and the host put back after each test."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.addresses import LIVE_HOST, asked_host
from toolkit.config.scalars import canonical_model_name
from toolkit.ollama.client import OllamaClient
from toolkit.replay.hoststate import note_state, restore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def live_url() -> str:
    """The base URL of the asked host."""
    asked = asked_host(os.environ)
    if asked is None:
        pytest.skip(f"no host was asked for: make test-live HOST=http://ADDRESS:11434 sets {LIVE_HOST}")
    return asked.url


@pytest.fixture
async def client(live_url: str) -> AsyncIterator[OllamaClient]:
    """A client; what was in memory before the test is there again after it."""
    async with OllamaClient(live_url) as client:
        before = await note_state(client, time.time_ns)
        try:
            yield client
        finally:
            await restore(client, before)


@pytest.fixture
async def pair(client: OllamaClient) -> tuple[str, str]:
    """Two models, the smaller one first: those of MODELS, or the two smallest that generate."""
    rows = {row.name: row for row in await client.tags()}
    named = [canonical_model_name(name) for name in os.environ.get("HOTSWAP_LIVE_MODELS", "").split()]
    able = [row.name for row in rows.values() if row.capabilities is None or "completion" in row.capabilities]
    missing = [name for name in named if name not in rows]
    assert not missing, f"MODELS names {missing}, which the host does not have"
    ordered = sorted(named or able, key=lambda name: rows[name].size_bytes)
    if len(ordered) <= 1:
        pytest.skip("the host has fewer than two models that generate; a swap needs two")
    return ordered[0], ordered[1]
