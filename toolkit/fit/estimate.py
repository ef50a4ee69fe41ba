"""What a model will really take under a setting: buffer by buffer, device by device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import ahead, embeds, family_of, is_known
from toolkit.fit.cache import Remembered, remembered_by_all, values_alike
from toolkit.fit.compute import compute_bytes, pass_size
from toolkit.fit.flash import flash_plan
from toolkit.fit.graph import F32
from toolkit.fit.ps import shown_vram_bytes
from toolkit.fit.split import Split, split_of
from toolkit.fit.weights import projector_bytes, weights_by_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.fit.cache import LayerMemory
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

UNKNOWN_COMPUTE_FACTOR: Final = 2
"""Compute buffers of an architecture without a rule are doubled: an estimate that errs to the safe side."""


@dataclass(frozen=True, slots=True)
class Load:
    """Bytes on one device."""

    weights_bytes: int
    cache: Remembered
    compute_bytes: int
    output_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """Everything the engine allocates there."""
        return self.weights_bytes + self.cache.context_bytes + self.compute_bytes + self.output_bytes

    @property
    def shown_bytes(self) -> int:
        """What `/api/ps` makes of it."""
        cache = self.cache
        return shown_vram_bytes(
            self.weights_bytes, cache.full_bytes, cache.sliding_bytes, cache.state_bytes, self.compute_bytes
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Loads of the GPUs and of the host, without CUDA's own overhead.

    `known` is False for an architecture without a rule (then compute is doubled). `projector_bytes` are the weights of
    a vision or audio tower in the same file; a process of its own buffers them on the first GPU.
    """

    family: str
    known: bool
    split: Split
    gpus: tuple[Load, ...]
    host: Load
    projector_bytes: int

    @property
    def weights_gpu_bytes(self) -> int:
        """Weights on all GPUs."""
        return sum(load.weights_bytes for load in self.gpus)

    @property
    def compute_gpu_bytes(self) -> int:
        """Compute buffers on all GPUs."""
        return sum(load.compute_bytes for load in self.gpus)

    @property
    def cache(self) -> Remembered:
        """Caches and states on all devices."""
        return sum((load.cache for load in self.gpus), self.host.cache)

    @property
    def gpu_total_bytes(self) -> int:
        """Everything on all GPUs."""
        return sum(load.total_bytes for load in self.gpus)

    @property
    def total_bytes(self) -> int:
        """Everything, host too."""
        return self.gpu_total_bytes + self.host.total_bytes

    @property
    def shown_vram_bytes(self) -> int:
        """`size_vram` in `/api/ps`."""
        return sum(load.shown_bytes for load in self.gpus)


def estimate(spec: Spec, setting: Setting, shares: Sequence[int] = ()) -> Estimate:
    """All buffers under a setting; `shares` weigh several GPUs (their free bytes; equal if not given)."""
    family, known = family_of(spec), is_known(spec)
    memories, split = family.remembers(spec), split_of(spec, setting, shares)
    kept = (*memories, *ahead.memories(spec, memories))
    flash = flash_plan(spec, setting, split)
    if flash.values_lie:
        kept = values_alike(kept)
    size = pass_size(setting, memories, flash, embeds=embeds(spec))
    factor = 1 if known else UNKNOWN_COMPUTE_FACTOR
    compute = [bytes_ * factor for bytes_ in compute_bytes(spec, family, size, memories, split)]
    weights = weights_by_device(spec, split)
    caches = _caches(kept, split, setting)
    loads = [Load(*parts) for parts in zip(weights, caches, compute, strict=True)]
    host = Load(weights[-1], caches[-1], compute[-1], output_bytes(spec, setting))
    return Estimate(family.title, known, split, tuple(loads[:-1]), host, projector_bytes(spec))


def certain_bytes(spec: Spec, setting: Setting, shares: Sequence[int] = ()) -> tuple[int, ...]:
    """Weights and caches on each GPU: below which `estimate` never lies. Little work, as no pass is drawn."""
    memories, split = family_of(spec).remembers(spec), split_of(spec, setting, shares)
    kept = (*memories, *ahead.memories(spec, memories))
    caches = _caches(kept, split, setting)
    return tuple(
        weights + cache.context_bytes
        for weights, cache in zip(weights_by_device(spec, split)[:-1], caches, strict=False)
    )


def _caches(kept: Sequence[LayerMemory], split: Split, setting: Setting) -> list[Remembered]:
    """The caches and states on each device."""
    return [
        remembered_by_all(
            [memory for memory, home in zip(kept, split.layers, strict=False) if home == device],
            setting,
            on_gpu=device < split.gpus,
        )
        for device in range(split.gpus + 1)
    ]


def output_bytes(spec: Spec, setting: Setting) -> int:
    """The host's buffer of results: a row of logits a slot; models that embed get a row of their width as well."""
    width = spec.vocabulary + (spec.embedding if embeds(spec) else 0)
    return width * F32 * setting.parallel
