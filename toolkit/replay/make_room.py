"""Making room on a host before a load: unload, and wait until the memory is really free."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.replay.dispatch import UNLOAD_PATIENCE_NS, UNLOAD_POLL_NS, UNLOAD_SETTLE_NS

if TYPE_CHECKING:
    from toolkit.replay.hoststate import Controls

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for unloaded models; see `toolkit.replay.dispatch` for the reasons of the defaults."""

    poll_ns: int = UNLOAD_POLL_NS
    settle_ns: int = UNLOAD_SETTLE_NS
    limit_ns: int = UNLOAD_PATIENCE_NS


async def make_room(host: Controls, victims: tuple[str, ...], patience: Patience) -> None:
    """Unload the victims in their order, wait until `/api/ps` has lost them, then until GPU memory is back.

    A victim that is not listed is not unloaded. One that is still listed after the limit is busy; the server will sort
    it out. On a host whose victims hold no GPU memory there is nothing to settle.

    Raises:
        OllamaError: the host failed one of the calls.
    """
    listed = {row.name: row for row in await host.ps()} if victims else {}
    leaving = [name for name in victims if name in listed]
    if not leaving:
        return
    for name in leaving:
        await host.unload(name)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + patience.limit_ns / NS_PER_S
    while any(row.name in leaving for row in await host.ps()):
        if loop.time() >= deadline_s:
            return
        await asyncio.sleep(patience.poll_ns / NS_PER_S)
    if any(listed[name].vram_bytes for name in leaving):
        await asyncio.sleep(patience.settle_ns / NS_PER_S)
