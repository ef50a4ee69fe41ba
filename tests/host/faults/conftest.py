"""Mocked hosts with faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.host.faults.asker import HOUR_S, Asker
from toolkit.host.mock import MockTwin, mock_ollama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolkit.host.faults.plan import Fault


@pytest.fixture
def host() -> Iterator[Callable[..., Asker]]:
    """Makes a host with the faults that it is given; options go to `mock_ollama`."""
    opened: list[tuple[MockTwin, httpx.Client]] = []

    def make(*faults: Fault, timeout_s: float = HOUR_S, **options: Any) -> Asker:
        twin = mock_ollama(faults=faults, **options).__enter__()
        client = httpx.Client(base_url=twin.url, timeout=timeout_s)
        opened.append((twin, client))
        return Asker(twin, client)

    yield make
    for twin, client in reversed(opened):
        client.close()
        twin.__exit__(None, None, None)
