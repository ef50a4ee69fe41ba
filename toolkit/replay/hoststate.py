"""The state of a real host around runs: note how it is, empty it before each run, put it back afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from toolkit.errors import HostError
from toolkit.replay.dispatch import UNLOAD_SETTLE_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from toolkit.ollama.types import LoadAnswer, RunningModel

NS_PER_S = 1_000_000_000
POLL_S = 0.1
EMPTY_WITHIN_S = 120.0
"""How long a busy model may take to finish before a run gives up on an empty host."""
GONE_WITHIN_S = 10.0
"""How long a model that was asked to go may take: the server notices a little later that nobody waits."""
FOREVER_FROM_NS = 50 * 365 * 86_400 * NS_PER_S
"""An `expires_at` further away than this means `keep_alive: -1`."""


class Controls(Protocol):
    """The calls that this module makes; `OllamaClient` has them."""

    async def ps(self) -> tuple[RunningModel, ...]:
        """The models in memory."""
        ...

    async def unload(self, model: str) -> LoadAnswer:
        """Ask a model to go."""
        ...

    async def load(
        self, model: str, *, keep_alive_ns: int | None = None, options: Mapping[str, Any] | None = None
    ) -> LoadAnswer:
        """Load a model."""
        ...


@dataclass(frozen=True, slots=True)
class HostState:
    """What was in memory, and at which Unix time this was seen."""

    models: tuple[RunningModel, ...]
    seen_at_unix_ns: int


async def note_state(client: Controls, unix_ns: Callable[[], int]) -> HostState:
    """Look at the host."""
    return HostState(await client.ps(), unix_ns())


async def empty_host(client: Controls) -> None:
    """Unload everything, wait until it has gone, then until GPU memory is back.

    Raises:
        HostError: a model does not go; somebody else keeps using it.
    """
    deadline = asyncio.get_running_loop().time() + EMPTY_WITHIN_S
    loaded = await client.ps()
    if not loaded:
        return
    while loaded:
        for row in loaded:
            await client.unload(row.name)
        await asyncio.sleep(POLL_S)
        loaded = await client.ps()
        if loaded and asyncio.get_running_loop().time() > deadline:
            names = ", ".join(row.name for row in loaded)
            raise HostError(
                f"{names} did not leave memory in {EMPTY_WITHIN_S:g} s; somebody else seems to use the host: "
                "stop them, or measure another time"
            )
    await asyncio.sleep(UNLOAD_SETTLE_NS / NS_PER_S)


async def restore(client: Controls, before: HostState, *, gone_within_s: float = GONE_WITHIN_S) -> None:
    """Put back what was in memory, with the context it had and the keep_alive it had left; unload the rest.

    Each model is asked to go once, then waited for: somebody else may use it again, and is not fought.

    Raises:
        HostError: a model does not go; the others are put back all the same.
    """
    was = {row.name for row in before.models}
    now = await client.ps()
    same = {row.name for row in now if any(row.name == old.name and _alike(row, old) for old in before.models)}
    strangers = [row for row in now if row.name not in same]
    for row in strangers:
        await client.unload(row.name)
    left = await _still_there(client, {(row.name, row.context_length) for row in strangers}, gone_within_s)
    for row in reversed(before.models):  # the first to expire first, so that `/api/ps` shows the old order again
        if row.name in was - same:
            options = {"num_ctx": row.context_length} if row.context_length else None
            await client.load(row.name, keep_alive_ns=_left_ns(row, before.seen_at_unix_ns), options=options)
    if left:
        raise HostError(f"{', '.join(sorted(left))} did not leave memory in {gone_within_s:g} s; see `ollama ps`")


async def _still_there(client: Controls, asked: set[tuple[str, int | None]], within_s: float) -> set[str]:
    """Which of these are in memory even after so long."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + within_s
    while asked:
        asked &= {(row.name, row.context_length) for row in await client.ps()}
        if not asked or clock() > deadline:
            break
        await asyncio.sleep(POLL_S)
    return {name for name, _ in asked}


def _alike(row: RunningModel, old: RunningModel) -> bool:
    return row.context_length == old.context_length and row.expires_at_ns == old.expires_at_ns


def _left_ns(row: RunningModel, seen_at_unix_ns: int) -> int | None:
    if row.expires_at_ns is None:
        return None
    left = row.expires_at_ns - seen_at_unix_ns
    return -1 if left > FOREVER_FROM_NS else max(left, NS_PER_S)
