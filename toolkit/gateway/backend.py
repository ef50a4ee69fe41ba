"""One host behind the gateway: its client, its order, and what is believed about its memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from toolkit.cache.strategy import HostView, LoadedModel
from toolkit.config.scalars import canonical_model_name
from toolkit.gateway.residency import Residency
from toolkit.ollama.errors import OllamaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
        self.rows: tuple[RunningModel, ...] = ()
        self.looked_ns: int | None = None
        self.residency = Residency()
        self.was_used = False  # since the last look
        self.last_options: dict[str, Mapping[str, Any]] = {}
        self._load: tuple[str, frozenset[str]] | None = None
        self._loaded_ns: int | None = None  # when a load ended, until a later look has shown what it pushed out
        self._looks: set[asyncio.Task[bool]] = set()

    def serves(self, gate: Gate) -> None:
        """This is the order in which its requests go."""
        self.gate = gate

    def resident(self) -> tuple[str, ...]:
        """The models that are believed in memory, least recently used first.

        From the begin of a load to the first look after it, only those count that surely stay beside the new model. A
        request for one that has just been pushed out would make the host wait for the new model to become idle, and
        the next request for that one would undo the eviction (ollama#17408).
        """
        names = dict.fromkeys(row.name for row in self.cache.view(self.clock_ns()).loaded)
        if self._load is not None:
            coming = self._load[0]
            names = {name: None for name in names if self.memory.together(frozenset({name, coming}))}
        loading = self.gate.loading
        if loading is not None:
            names.pop(loading, None)
        for name in self.gate.running_by_model():
            if name != loading:
                names.pop(name, None)
                names[name] = None
        return tuple(names)

    def has(self, model: str) -> bool:
        """Whether the host had the model on disk when it was last asked."""
        return canonical_model_name(model) in self.installed

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
            return False
        self._saw(rows, seen_ns)
        return True

    async def list_installed(self) -> bool:
        """Ask what is on disk; False if the host does not answer."""
        try:
            models = await self.client.tags()
        except OllamaError:
            return False
        self.installed = {canonical_model_name(model.name): model.size_bytes for model in models}
        self.memory.files(self.installed)
        return True

    def load_begins(self, model: str, leaving: tuple[str, ...]) -> None:
        """A request that makes the host load a model is about to be sent; `leaving` were told to go for it."""
        self._load = model, frozenset(row.name for row in self.rows) - {model, *leaving}

    def load_ended(self) -> None:
        """The model is there, or will not come: the next look shows what is in memory now."""
        if self._load is not None and self._loaded_ns is None:
            self._loaded_ns = self.clock_ns()
            look = asyncio.create_task(self.look())
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def look_if_old(self) -> None:
        """Look, unless that was done a moment ago; a host that is slow to answer keeps nobody for long."""
        if self.looked_ns is None or self.clock_ns() - self.looked_ns > OLD_NS:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_WAIT_S):
                    await self.look()

    async def watch_load(self, model: str, is_there: Callable[[], None]) -> None:
        """Ask until the model is in memory, then say so. To be cancelled when the answer has begun."""
        while True:
            await asyncio.sleep(LOADING_POLL_S)
            if await self.look() and any(row.name == model for row in self.rows):
                is_there()
                return

    def _saw(self, rows: tuple[RunningModel, ...], seen_ns: int) -> None:
        self.rows, self.looked_ns = rows, seen_ns
        self.residency.saw({row.name: row.vram_bytes for row in rows}, seen_ns)
        names = frozenset(row.name for row in rows)
        ended = self._loaded_ns is not None and seen_ns >= self._loaded_ns
        if self._load is not None and (ended or self._load[0] in names):
            if self._load[0] in names:
                self.memory.pushed_out(*self._load, names)
            self._load = self._loaded_ns = None
        # `expires_at` is on the host's wall clock, which may differ from ours by anything, so it counts as not known.
        loaded = tuple(LoadedModel(row.name, row.digest, row.vram_bytes, row.size_bytes, None) for row in rows)
        self.cache.reconcile(HostView(loaded, ()), seen_ns)
        self.memory.saw({row.name: row.vram_bytes or row.size_bytes for row in rows})
        self.gate.look_again()
