"""What processes of the twin take, by `toolkit.fit`: buffers, cache and states as the engine allocates them.

A model whose header is not known takes what its cost says: so much, and so much a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.gpus import MARGIN_BYTES
from toolkit.fit.setting import KV_TYPES, FlashAttention, Setting
from toolkit.fit.start import Reserve, start
from toolkit.host.scheduler.batch import flash_attention
from toolkit.host.scheduler.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.fit.takes import Takes
    from toolkit.host.scheduler import GpuSpec, Launch, ModelSpec, RunnerReport
    from toolkit.host.twin_spec import TwinSpec

PLAIN_CACHE: Final = "f16"


@dataclass(frozen=True, slots=True)
class RunnerMemory:
    """What of a server's environment and GPUs decides what its processes take. `flash` None: left to the engine."""

    kv_type: str = PLAIN_CACHE
    flash: bool | None = None
    gpus_do_flash: bool = True
    overhead_bytes: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str], gpus: Sequence[GpuSpec], overhead_bytes: int) -> RunnerMemory:
        """Of a server with these variables. A type of cache that the engine does not know counts as f16."""
        flash = Settings.from_environment(environment).flash_attention
        kind = environment.get("OLLAMA_KV_CACHE_TYPE", "").strip().strip("\"'").lower()
        can = flash_attention(Settings(), gpus)
        return cls(kind if kind in KV_TYPES else PLAIN_CACHE, flash, can, overhead_bytes)

    @property
    def reserve(self) -> Reserve:
        """What each GPU must have beside the buffers."""
        return Reserve(self.overhead_bytes, MARGIN_BYTES)

    def setting(self, num_ctx: int, num_parallel: int, num_batch: int, num_gpu: int = -1) -> Setting:
        """How a process is started. Without flash attention the engine has no quantised cache."""
        flash: FlashAttention = "on" if self.flash else "auto"
        if self.flash is False or not self.gpus_do_flash:
            flash = "off"
        return Setting(
            num_ctx=max(num_ctx, 1),
            parallel=num_parallel,
            batch=max(num_batch, 1),
            kv_type=PLAIN_CACHE if flash == "off" else self.kv_type,
            flash_attn=flash,
            n_gpu_layers=num_gpu if num_gpu > 0 else None,
        )


class TwinFootprints:
    """What processes of the twin's models take: as many layers on the GPUs as fit there, the rest in system memory."""

    def __init__(self, models: Mapping[str, Takes], memory: RunnerMemory) -> None:
        """`models` by digest."""
        self._models = models
        self._memory = memory
        self._known: dict[tuple[object, ...], RunnerReport] = {}

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        """GPU memory with all layers there."""
        setting = self._memory.setting(num_ctx, num_parallel, num_batch)
        return self._models[model.digest].estimate(setting).gpu_total_bytes

    def allocate(self, launch: Launch, free_bytes: Sequence[int]) -> RunnerReport:
        """Layers on the GPUs that were given; an explicit `num_gpu` is a limit."""
        gpus = launch.gpus if launch.offloads() else ()
        free = tuple(free_bytes[gpu] for gpu in gpus)
        asked = launch.num_ctx, launch.num_parallel, launch.num_batch, launch.num_gpu
        key = (launch.model.digest, *asked, gpus, free)
        report = self._known.get(key)
        if report is None:
            takes = self._models[launch.model.digest]
            report = start(takes, self._memory.setting(*asked), free, self._memory.reserve).report(gpus)
            self._known[key] = report
        return report


def footprints_of(spec: TwinSpec) -> TwinFootprints:
    """The footprints of a simulated host's models."""
    return TwinFootprints({model.spec.digest: model.takes for model in spec.models}, memory_of(spec))


def memory_of(spec: TwinSpec) -> RunnerMemory:
    """What of the simulated host decides what its processes take."""
    return RunnerMemory.of(dict(spec.environment), spec.hardware.specs, spec.process_overhead_bytes)
