"""What differs between release lines, as data; the rest of the scheduler asks the profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.host.scheduler.specs import GIB, MIB, GpuSpec, ModelSpec

if TYPE_CHECKING:
    from toolkit.host.scheduler.settings import Settings

MS_NS = 1_000_000
PREDICTION = "prediction"
LAYOUT = "layout"
SINGLE_SLOT_ARCHITECTURES = frozenset(
    {
        "mllama",
        "qwen3vl",
        "qwen3vlmoe",
        "qwen35",
        "qwen35moe",
        "qwen3next",
        "lfm2",
        "lfm2moe",
        "nemotron_h",
        "nemotron_h_moe",
        "nemotron_h_omni",
    }
)
"""Not safe with several slots; they get one whatever is set."""


@dataclass(frozen=True, slots=True)
class ContextTier:
    """The automatic context of a host with at least this much GPU memory in all."""

    least_vram_bytes: int
    num_ctx: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The scheduling rules of one release line."""

    name: str
    release: str
    """The version that was recorded."""
    fit: str = PREDICTION
    """`prediction`: file size and cache against 80 % of what is free; `layout`: the real need against what is free."""
    automatic_batch: bool = True
    """Batch by context, with its surcharge; otherwise always the default batch."""
    embedding_batch: bool = True
    """Embedding models get a batch of their own."""
    mmap_rules: bool = True
    """Whether an open `use_mmap` may be turned off."""
    oom_retry: bool = True
    """One more try after a load ran out of memory."""
    forgives_context: bool = True
    """Automatic contexts, and contexts above the trained one, do not cause a reload."""
    gpu_reserve_bytes: int = 0
    """Kept free on each GPU by the layout rule, besides OLLAMA_GPU_OVERHEAD."""
    models_per_gpu: int = 3
    context_tiers: tuple[ContextTier, ...] = (ContextTier(47 * GIB, 262144), ContextTier(23 * GIB, 32768))
    least_auto_num_ctx: int = 4096
    poll_ns: int = 250 * MS_NS
    recovery_limit_ns: int = 5000 * MS_NS
    busy_retry_ns: int = 10 * MS_NS
    single_slot_architectures: frozenset[str] = SINGLE_SLOT_ARCHITECTURES

    def automatic_num_ctx(self, gpus: tuple[GpuSpec, ...], settings: Settings) -> int:
        """The context of a request when nobody names one: by the GPUs' total memory less the overhead of each.

        An overhead above a GPU's size wraps around as unsigned numbers do, and the highest tier is chosen.
        """
        total = sum(gpu.total_bytes - settings.gpu_overhead_bytes for gpu in gpus) % (1 << 64)
        for tier in self.context_tiers:
            if total >= tier.least_vram_bytes:
                return tier.num_ctx
        return self.least_auto_num_ctx

    def lower_num_ctx(self, num_ctx: int) -> int | None:
        """The automatic context one step below; None below the lowest step."""
        steps = [tier.num_ctx for tier in self.context_tiers[1:]] + [self.least_auto_num_ctx]
        return next((step for step in steps if num_ctx > step), None)

    def num_parallel(self, model: ModelSpec, settings: Settings) -> int:
        """Slots of a runner of this model."""
        if model.embedding or model.architecture in self.single_slot_architectures:
            return 1
        return settings.num_parallel

    def max_loaded(self, gpus: tuple[GpuSpec, ...], settings: Settings) -> int:
        """How many models may be loaded at once."""
        return settings.max_loaded_models or self.models_per_gpu * max(len(gpus), 1)


V032 = Profile(name="v0.32", release="0.32.15")
V024 = replace(
    V032,
    name="v0.24",
    release="0.24.0",
    fit=LAYOUT,
    automatic_batch=False,
    embedding_batch=False,
    mmap_rules=False,
    oom_retry=False,
    forgives_context=False,
    gpu_reserve_bytes=457 * MIB,
)
PROFILES = (V032, V024)


def profile(name: str) -> Profile:
    """The profile of this name. Raises UsageError naming the ones there are."""
    for candidate in PROFILES:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in PROFILES)
    raise UsageError(f"there is no scheduler profile {name!r}; the profiles are {known}")
