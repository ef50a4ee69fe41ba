"""A twin on a port of this machine with faults in it, and `apply` as the tests call it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.config.models import Config
from toolkit.config.positions import read_yaml_model
from toolkit.errors import ConfigError
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions
from toolkit.host.clock import RealClock
from toolkit.host.faults.doors import PortDoors
from toolkit.host.faults.faulty_host import FaultyTwin, assemble_faulty
from toolkit.host.faults.plan import Fault, FaultPlan
from toolkit.host.library.names import DEFAULT_HOST, parse_name
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.timeouts import Timeouts
from toolkit.ops.provision.apply import Application, Applied, Wanted
from toolkit.ops.provision.backoff import Backoff
from toolkit.ops.provision.desired import desired_models
from toolkit.ops.provision.sizes import known_sizes
from toolkit.ops.provision.transfer import Patience, Transfers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.ollama.types import TransferLine
    from toolkit.ops.provision.transfer import Retry

MS = 1_000_000
BIG, CODE, FAST = "qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"
THREE = """\
llm:
  models:
    primary: "qwen2.5:32b"
    code: "deepseek-coder-v2:16b"
    fast: {name: short, modelfile: {base: "qwen2.5:7b", parameters: {num_ctx: 8192}, system: "Be short."}}
"""


def config_of(text: str) -> Config:
    return read_yaml_model(text.encode(), "f.yaml", Config, error=ConfigError).value


def wanted_of(text: str = THREE) -> Wanted:
    config = config_of(text)
    models = desired_models(config)
    return Wanted(models, known_sizes(config, models), config.host.disk)


@dataclass
class Seen:
    """A watcher that remembers, and a sleep that does not."""

    lines: list[tuple[str, TransferLine]] = field(default_factory=list)
    retries: list[tuple[str, Retry]] = field(default_factory=list)
    slept_s: list[float] = field(default_factory=list)
    _awaited: tuple[str, int] = ("", 0)
    _reached: asyncio.Event = field(default_factory=asyncio.Event)

    def line(self, name: str, line: TransferLine) -> None:
        self.lines.append((name, line))
        if name == self._awaited[0] and line.completed_bytes > self._awaited[1]:
            self._reached.set()

    def retry(self, name: str, retry: Retry) -> None:
        self.retries.append((name, retry))

    async def reaches(self, name: str, completed_bytes: int) -> None:
        """Wait until a model has come so far."""
        self._awaited, self._reached = (name, completed_bytes), asyncio.Event()
        await self._reached.wait()

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


@dataclass
class Rig:
    """A host that lacks what the test says, and a client of it."""

    client: OllamaClient
    faulty: FaultyTwin

    async def apply(self, wanted: Wanted | None = None, *, seen: Seen | None = None, **more: Any) -> Applied:
        watcher = seen or Seen()
        patience = Patience(Backoff(**more), stall_ns=1000 * MS)
        transfers = Transfers(patience, watcher, random.Random(7), watcher.sleep)
        return await Application(self.client, wanted or wanted_of(), transfers).run()

    async def installed(self) -> set[str]:
        return {model.name for model in await self.client.tags()}


@contextlib.asynccontextmanager
async def host(*faults: Fault, lacks: tuple[str, ...] = (CODE, FAST)) -> AsyncIterator[Rig]:
    """A twin whose registry has three models; it also has `kept`, which no config names."""
    plan = FaultPlan(faults)
    doors = PortDoors(plan)
    faulty = assemble_faulty(TwinOptions(time_scale=0.0), RealClock(), plan, doors)
    faulty.twin.services.registries.hosts[DEFAULT_HOST].bytes_per_s = 2e9  # 75 lines of progress instead of 1,500
    store = faulty.twin.services.catalog.store
    names = {name.short: name for name in store.names()}
    store.copy(names[BIG], parse_name("kept"), 0)
    for lacking in lacks:
        store.remove(names[lacking])
    async with (
        listening(faulty.app, "127.0.0.1", 0, doors) as url,
        OllamaClient(url, timeouts=Timeouts(idle_ns=None)) as client,
    ):
        yield Rig(client, faulty)
