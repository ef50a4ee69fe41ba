"""Looks at `/api/ps` during a run: now and then by themselves, and when somebody must know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from toolkit.ollama.errors import OllamaError
from toolkit.replay.residency import ResidencyWatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from toolkit.ollama.types import RunningModel
    from toolkit.replay.hoststate import Controls
    from toolkit.replay.records import ResidencySpan

LOOK_EVERY_S = 1.0
"""How often the residency of models is looked at when nobody asks."""


class HostLooks:
    """What is in memory, as seen last. `now_ns` is the run's time; `on_error` is told when the host does not answer."""

    def __init__(
        self, client: Controls, now_ns: Callable[[], int], on_error: Callable[[OllamaError], Awaitable[None]]
    ) -> None:
        self._client = client
        self._now_ns = now_ns
        self._on_error = on_error
        self._watch = ResidencyWatch()
        self._asked_ns = -1
        self._rows: Sequence[RunningModel] = ()
        self._under_way: asyncio.Task[Sequence[RunningModel]] | None = None

    @property
    def last(self) -> Sequence[RunningModel]:
        """The newest rows; none before the first look."""
        return self._rows

    def spans(self) -> tuple[ResidencySpan, ...]:
        """What the looks have shown so far."""
        return self._watch.spans()

    async def look(self) -> Sequence[RunningModel]:
        """Ask now; no rows if the host does not answer (the request itself will tell why)."""
        asked_ns = self._now_ns()
        try:
            rows = await self._client.ps()
        except OllamaError as error:
            await self._on_error(error)
            return ()
        self._watch.look(self._now_ns(), rows)
        self._asked_ns, self._rows = asked_ns, rows
        return rows

    async def since(self, moment_ns: int) -> Sequence[RunningModel]:
        """Rows that were asked for after `moment_ns`. However many want to know, one call is under way at a time."""
        while self._asked_ns < moment_ns:
            if self._under_way is None:
                self._under_way = asyncio.create_task(self.look())
                self._under_way.add_done_callback(self._landed)
            asked_ns = self._now_ns()
            rows = await asyncio.shield(self._under_way)
            if self._asked_ns < asked_ns and not rows:  # the host is silent: nobody will know
                return ()
        return self._rows

    async def keep_looking(self) -> None:
        """Look from time to time, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def _landed(self, _: object) -> None:
        self._under_way = None
