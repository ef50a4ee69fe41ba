"""Whether a process maps its file into memory or reads it, where the request leaves it open (profile v0.32, Linux)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.scheduler.batch import FIT_PERCENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.host.scheduler.options import RunnerOptions
    from toolkit.host.scheduler.placement import Placement
    from toolkit.host.scheduler.specs import ModelSpec

LEAST_HEADROOM_BYTES = 8_000_000_000
HEADROOM_PART = 10


def turns_mmap_off(
    model: ModelSpec,
    options: RunnerOptions,
    placement: Placement,
    predicted_bytes: int,
    *,
    system_free_bytes: int,
    system_total_bytes: int,
    mapped_bytes: int,
) -> bool:
    """Whether a load that leaves `use_mmap` open gets it turned off.

    `mapped_bytes` is the sum of the files that loaded runners have mapped.
    """
    libraries = [gpu.spec.library.lower() for gpu in placement.gpus]
    if options.num_gpu == 0 or all(library == "cpu" for library in libraries):
        return True
    available = placement.available_bytes(system_free_bytes)
    if "metal" in libraries and _partly_offloaded(model, options, predicted_bytes, available):
        return True
    main = placement.main()
    looked_at: Sequence[bool] = [gpu.spec.integrated for gpu in ([main] if main else placement.gpus)]
    if any(looked_at) or model.file_bytes == 0 or system_free_bytes == 0:
        return False
    # Where the GPU is tight already, giving the mapping up would only cost more system memory.
    if not 0 < predicted_bytes <= available * FIT_PERCENT // 100:
        return False
    headroom = max(LEAST_HEADROOM_BYTES, system_total_bytes // HEADROOM_PART)
    return system_free_bytes < model.file_bytes + mapped_bytes + headroom


def _partly_offloaded(model: ModelSpec, options: RunnerOptions, predicted_bytes: int, available_bytes: int) -> bool:
    if options.num_gpu > 0:
        return model.block_count > 0 and options.num_gpu < model.block_count + 1
    return 0 < available_bytes < predicted_bytes
