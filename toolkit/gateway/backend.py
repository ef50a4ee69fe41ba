"""One host behind the gateway: its client, its order, and what is believed about its memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from toolkit.cache.strategy import HostView, LoadedModel
from toolkit.config.scalars import canonical_model_name, model_key
from toolkit.gateway.loads import Load, LoadsUnderWay, StuckLoads
from toolkit.gateway.residency import Residency
from toolkit.ollama.errors import OllamaError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping
    from typing import Any

    from toolkit.cache.manager import CacheManager
    from toolkit.gateway.breaker import Breaker
    from toolkit.gateway.gate import Gate
    from toolkit.gateway.memory import LearnedMemory
    from toolkit.ollama.client import OllamaClient
    from toolkit.ollama.types import RunningModel

NS_PER_S = 1_000_000_000
OLD_NS = 2 * NS_PER_S
LOOK_WAIT_S = 1.0
LOADING_POLL_S = 0.2
"""How often a host is asked whether the model that it loads has come."""


class Backend:
    """See the module. `options` are the config's, by model."""

    def __init__(
        self,
        name: str,
        client: OllamaClient,
        *,
        cache: CacheManager,
        memory: LearnedMemory,
        breaker: Breaker,
        clock_ns: Callable[[], int],
    ) -> None:
        self.name = name
        self.client = client
        self.cache = cache
        self.memory = memory
        self.breaker = breaker
        self.clock_ns = clock_ns
        self.gate: Gate  # set by `serves`: gate and host know each other
        self.installed: Mapping[str, int] = {}
        self.spellings: Mapping[str, str] = {}  # by key: see `model_key`
        self.rows: tuple[RunningModel, ...] = ()
        self.looked_ns: int | None = None
        self.answers_looks = True
        self.residency = Residency()
        self.was_used = False  # since the last look
        self.last_options: dict[str, Mapping[str, Any]] = {}
        self.freed = 0  # models that held a load up and were told to go
        self._loads = LoadsUnderWay()
        self._stuck = StuckLoads()
        self._tasks: set[asyncio.Task[None]] = set()

    def serves(self, gate: Gate) -> None:
        """This is the order in which its requests go."""
        self.gate = gate

    def resident(self) -> tuple[str, ...]:
        """The models that are believed in memory, least recently used first.

        From the begin of a load to the first look after it, only those count that surely stay beside the new model; see
        `toolkit.gateway.loads`.
        """
        believed = self.cache.resident(self.clock_ns())
        loading, running = self.gate.loads, self.gate.running_by_model()
        if not loading and not self._loads:
            return (*(name for name in believed if name not in running), *running)
        names = dict.fromkeys(believed)
        gone: Collection[str] = loading
        if self._loads:
            names = dict.fromkeys(self._loads.staying(names, self.memory))
            gone = loading.keys() | self._loads.leaving
        return (
            *(name for name in names if name not in gone and name not in running),
            *(name for name in running if name not in gone),
        )

    def has(self, model: str) -> bool:
        """Whether the host had the model on disk when it was last asked, in whatever spelling."""
        return model in self.installed or model_key(model) in self.spellings

    @property
    def is_ready(self) -> bool:
        """Whether the host answered when it was last asked, and is not left alone now."""
        return self.looked_ns is not None and self.breaker.left_ns(self.clock_ns()) == 0

    async def look(self) -> bool:
        """Ask what is in memory, and set the belief right; False if the host does not answer."""
        seen_ns = self.clock_ns()
        try:
            rows = await self.client.ps()
        except OllamaError:
            self.answers_looks = False
            return False
        self.answers_looks = True
        self._saw(rows, seen_ns)
        return True

    async def list_installed(self) -> bool:
        """Ask what is on disk; False if the host does not answer."""
        try:
            models = await self.client.tags()
        except OllamaError:
            return False
        self.installed = {canonical_model_name(model.name): model.size_bytes for model in models}
        self.spellings = {model_key(name): name for name in self.installed}
        self.memory.files(self.installed)
        return True

    def load_begins(self, model: str, leaving: tuple[str, ...] = ()) -> Load:
        """A request that makes the host load a model is about to be sent; `leaving` were told to go for it."""
        before = frozenset(row.name for row in self.rows) - {model, *leaving}
        load = Load(model, before, self.clock_ns(), leaving=frozenset(leaving) - {model})
        self._loads.begins(load)
        return load

    def load_ended(self, load: Load) -> None:
        """The model is there, or will not come: a look shows what is in memory now. May be said again."""
        if self._loads.ends(load, self.clock_ns()):
            self._do(self._look_again())

    async def look_shortly(self) -> None:
        """Look; a host that is slow to answer keeps nobody for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_WAIT_S):
                await self.look()

    async def look_if_old(self) -> None:
        """Look, unless that was done a moment ago."""
        if self.looked_ns is None or self.clock_ns() - self.looked_ns > OLD_NS:
            await self.look_shortly()

    async def watch_load(self, model: str, is_there: Callable[[], None]) -> None:
        """Ask until the model is in memory, then say so. To be cancelled when the answer has begun."""
        while True:
            await asyncio.sleep(LOADING_POLL_S)
            if await self.look() and any(row.name == model for row in self.rows):
                is_there()
                return

    def _saw(self, rows: tuple[RunningModel, ...], seen_ns: int) -> None:
        if self.looked_ns is not None and seen_ns < self.looked_ns:
            return  # a later one has overtaken it
        self.rows, self.looked_ns = rows, seen_ns
        self.residency.saw({row.name: row.vram_bytes for row in rows}, seen_ns)
        names = frozenset(row.name for row in rows)
        for load in self._loads.seen(names, seen_ns):
            self.memory.pushed_out(load.model, load.before, names)
        # `expires_at` is on the host's wall clock, which may differ from ours by anything, so it counts as not known.
        loaded = tuple(LoadedModel(row.name, row.digest, row.vram_bytes, row.size_bytes, None) for row in rows)
        self.cache.reconcile(HostView(loaded, ()), seen_ns)
        self.memory.saw({row.name: row.vram_bytes or row.size_bytes for row in rows})
        self._free(names)
        self.gate.seen(names, seen_ns)

    def _free(self, listed: frozenset[str]) -> None:
        """If a load does not come, have those leave that nobody uses."""
        loads_ns = {model: self.memory.places.load_ns(model) for model in self.gate.loads}
        overdue = self._stuck.look(self.clock_ns(), loads_ns, listed, self.gate.running_by_model(), self.memory)
        if overdue is not None:
            self.memory.doubt(overdue.doubt)
            for name in overdue.unload:
                self.freed += 1
                self._do(self._unload(name))

    async def _unload(self, model: str) -> None:
        with suppress(OllamaError):  # the next look finds it again
            await self.client.unload(model)

    async def _look_again(self) -> None:
        await self.look()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
