"""Asks a host for a model that is not in memory, and watches: the only part of the doctor that disturbs.

It loads the smallest of the config's models that is not loaded, has it write one token, and unloads it again. What the
server evicts for it stays evicted; the result names it. A load that does not come in time is given up, which the server
notices when it gets to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from toolkit.errors import HostError
from toolkit.ollama.types import GenerateRequest
from toolkit.ops.doctor.evidence import Probe
from toolkit.ops.doctor.looking import LOOK_EVERY_NS, look

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from toolkit.host.clock import Clock
    from toolkit.ops.doctor.asking import Asking
    from toolkit.ops.doctor.evidence import Evidence, Look, ModelWish

ONE_TOKEN: Final = {"num_predict": 1}


async def run_probe(asking: Asking, evidence: Evidence, limit_ns: int, clock: Clock) -> Probe | None:
    """Load, ask for one token, unload; None if no model of the config is there and out of memory."""
    wish = _chosen(evidence)
    if wish is None:
        return None
    installed = evidence.of_installed(wish.name)
    size = installed.size_bytes if installed else 0
    watched = _Watched(asking, clock, limit_ns)
    options = dict(wish.options)
    load_ns, problem = await watched.run(asking.client.load(wish.name, options=options))
    answer_ns = None
    if load_ns is not None:
        request = GenerateRequest(wish.name, "Hello", options={**options, **ONE_TOKEN})
        answer_ns, problem = await watched.run(asking.client.generate_unstreamed(request))
        with contextlib.suppress(HostError):
            await asking.client.unload(wish.name)
    before = {row.name for row in evidence.last_rows}
    after = {row.name for row in watched.looks[-1].rows or ()} if watched.looks else before
    gone = tuple(sorted(before - after))
    return Probe(wish.name, size, limit_ns, load_ns, answer_ns, tuple(watched.looks), gone, problem)


def _chosen(evidence: Evidence) -> ModelWish | None:
    """The smallest model of the config that is there and not loaded."""
    loaded = {row.name for row in evidence.last_rows}
    sizes = [
        (installed.size_bytes, wish.name, wish)
        for wish in evidence.wishes.models
        if (installed := evidence.of_installed(wish.name)) is not None and installed.name not in loaded
    ]
    return min(sizes, key=lambda one: one[:2])[2] if sizes else None


class _Watched:
    """Waits for calls, and looks at `/api/ps` meanwhile."""

    def __init__(self, asking: Asking, clock: Clock, limit_ns: int) -> None:
        self.looks: list[Look] = []
        self._asking = asking
        self._clock = clock
        self._limit_ns = limit_ns

    async def run(self, call: Coroutine[Any, Any, object]) -> tuple[int | None, str | None]:
        """How long the call took (None if it did not end in time), and what went wrong with it."""
        began_ns = self._clock.now_ns()
        task = asyncio.ensure_future(call)
        try:
            while not task.done() and self._clock.now_ns() - began_ns < self._limit_ns:
                pause = asyncio.ensure_future(self._clock.sleep_ns(LOOK_EVERY_NS))
                await asyncio.wait({task, pause}, return_when=asyncio.FIRST_COMPLETED)
                took_ns = self._clock.now_ns() - began_ns
                if not task.done():
                    self.looks.append(await look(self._asking, self._clock))
                pause.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await pause
            if not task.done():
                return None, None
            await task
        except HostError as error:
            return None, str(error)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, HostError):
                await task
        self.looks.append(await look(self._asking, self._clock))
        return took_ns, None
