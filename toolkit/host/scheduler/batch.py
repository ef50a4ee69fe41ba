"""The automatic batch and what a large batch costs on top of the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.host.scheduler.specs import GIB, MIB, GpuSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.host.scheduler.settings import Settings

PLAIN_BATCH = 512
CONSTRAINED_BATCH = 256
CONSTRAINED_FREE_BYTES = 8 * GIB
SHORT_CONTEXT = 4096
FIT_PERCENT = 80
CUDA_FLASH_ATTENTION_MAJOR = 6
FLASH_ATTENTION_LIBRARIES = frozenset({"cpu", "Metal", "ROCm", "Vulkan"})


class BatchTier(NamedTuple):
    """A batch for contexts above `above_context`, its surcharge, and the share of free memory a prediction may fill."""

    num_batch: int
    above_context: int
    surcharge_bytes: int
    headroom_percent: int


BATCH_TIERS = (BatchTier(2048, 32768, 2 * GIB, 60), BatchTier(1024, SHORT_CONTEXT, 768 * MIB, 75))
"""Largest first; below the last tier the batch is PLAIN_BATCH and costs nothing."""


def surcharge_bytes(num_batch: int) -> int:
    """What the fit check adds for a batch, chosen or explicit."""
    for tier in BATCH_TIERS:
        if num_batch >= tier.num_batch:
            return tier.surcharge_bytes
    return 0


def flash_attention(settings: Settings, gpus: Sequence[GpuSpec]) -> bool:
    """Whether flash attention is on or left to the engine; off only by setting or if one GPU cannot do it."""
    if settings.flash_attention is not None:
        return settings.flash_attention
    return all(
        gpu.library in FLASH_ATTENTION_LIBRARIES
        or (gpu.library == "CUDA" and gpu.compute_major >= CUDA_FLASH_ATTENTION_MAJOR)
        for gpu in gpus
    )


def automatic_batch(
    total_context: int,
    predicted_bytes: int,
    available_bytes: int,
    gpus: Sequence[tuple[GpuSpec, int]],
    *,
    flash: bool,
) -> int:
    """The batch for a completion model that names none; `gpus` are the chosen ones with their free bytes.

    A tier is taken if the context calls for it and the prediction leaves room: at most the tier's share of the
    available memory, and with the surcharge at most 80 %. Nothing available (CPU hosts) counts as unknown: no step
    down.
    """
    if not flash and any(gpu.library == "CUDA" for gpu, _ in gpus):
        return CONSTRAINED_BATCH if total_context > SHORT_CONTEXT and _small_cuda(gpus) else PLAIN_BATCH
    limit = available_bytes * FIT_PERCENT // 100
    for tier in BATCH_TIERS:
        if total_context <= tier.above_context:
            continue
        if predicted_bytes == 0 or available_bytes == 0:
            return tier.num_batch
        if (
            predicted_bytes <= available_bytes * tier.headroom_percent // 100
            and predicted_bytes + tier.surcharge_bytes <= limit
        ):
            return tier.num_batch
    return PLAIN_BATCH


def _small_cuda(gpus: Sequence[tuple[GpuSpec, int]]) -> bool:
    """Whether one of the chosen CUDA cards has 8 GiB or less free (its total where free is unknown or above it)."""
    for gpu, free_bytes in gpus:
        if gpu.library != "CUDA":
            continue
        memory = gpu.total_bytes if free_bytes == 0 or 0 < gpu.total_bytes < free_bytes else free_bytes
        if 0 < memory <= CONSTRAINED_FREE_BYTES:
            return True
    return False
