"""A relay on loopback in front of any host, and what it has recorded."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from toolkit.ollama.address import parse_address
from toolkit.record.relay import Relay, upstream_of
from toolkit.record.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from toolkit.workload.traces.logged import LoggedRequest


@dataclass
class Recording:
    """Where clients go, and what has ended so far; `others` counts calls that are not recorded."""

    url: str
    relay: Relay
    rows: list[LoggedRequest] = field(default_factory=list)
    others: int = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def keep(self, row: LoggedRequest | None) -> None:
        """An exchange has ended."""
        if row is None:
            self.others += 1
        else:
            self.rows.append(row)


@contextlib.asynccontextmanager
async def _recording(url: str, *, texts: bool = False) -> AsyncIterator[Recording]:
    found: list[Recording] = []
    upstream = upstream_of(parse_address(url), None)
    relay = Relay(upstream, Sessions("t"), lambda row: found[0].keep(row), texts=texts)  # noqa: PLW0108 - not there yet
    async with relay.listening("127.0.0.1", 0) as port:
        found.append(Recording(f"http://127.0.0.1:{port}", relay))
        yield found[0]


@pytest.fixture
def recording() -> Callable[..., AbstractAsyncContextManager[Recording]]:
    """A relay in front of a host, for an `async with`."""
    return _recording
