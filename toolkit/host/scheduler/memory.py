"""What the scheduler reads about memory, and what it believes is free."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.host.scheduler.specs import GpuSpec, ModelSpec


class MemoryReader(Protocol):
    """What the GPU driver and the operating system report. Reading changes nothing and takes no time."""

    def gpu_free_bytes(self, now_ns: int) -> Sequence[int]:
        """Free bytes of every GPU, in the order of the host's list."""

    def system_free_bytes(self, now_ns: int) -> int:
        """Free bytes of system memory; 0 counts as unknown in some rules."""

    def system_total_bytes(self) -> int:
        """Installed system memory; 0 if unknown."""

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        """GPU memory of a process of this model that is wholly on GPUs; only the layout rule of v0.24 asks."""


class RunnerReport(NamedTuple):
    """What a process says it holds, once it is up."""

    vram_by_gpu: tuple[tuple[int, int], ...]
    """(index of the GPU in the host's list, bytes) for each GPU it was given."""
    vram_bytes: int
    total_bytes: int
    """VRAM and host memory together."""
    unsaid_by_gpu: tuple[tuple[int, int], ...] = ()
    """What it holds beyond what it says: CUDA's own, and buffers that the log forgets. The driver sees it."""


class FreeGpu(NamedTuple):
    """A GPU with what the scheduler believes is free on it."""

    position: int
    spec: GpuSpec
    free_bytes: int


class MemoryReading(NamedTuple):
    """What driver and system reported at one moment; the server may come to use it only later."""

    gpu_free_bytes: tuple[int, ...]
    """In the order of the host's list; empty if nobody asked."""
    system_free_bytes: int


class MemoryView(NamedTuple):
    """One look at the host: GPUs in the order of the list (none for a request that wants no GPU) and system memory."""

    gpus: tuple[FreeGpu, ...]
    system_free_bytes: int


def believed_free(
    specs: Sequence[GpuSpec], reported: Sequence[int], reports: Iterable[RunnerReport]
) -> tuple[FreeGpu, ...]:
    """The smaller of what the driver reports and the total less what the loaded runners are known to hold."""
    held = [0] * len(specs)
    for report in reports:
        for index, vram_bytes in report.vram_by_gpu:
            held[index] += vram_bytes
    return tuple(
        FreeGpu(position, spec, min(free, max(spec.total_bytes - held[position], 0)))
        for position, (spec, free) in enumerate(zip(specs, reported, strict=True))
    )


def available_on(gpu: FreeGpu, system_free_bytes: int) -> int:
    """What one GPU offers; an integrated one not more than the system has free (if that is known)."""
    if gpu.spec.integrated and 0 < system_free_bytes < gpu.free_bytes:
        return system_free_bytes
    return gpu.free_bytes


def available_on_all(gpus: Iterable[FreeGpu], system_free_bytes: int) -> int:
    """What several GPUs offer together; the integrated ones together not more than the system has free."""
    discrete = shared = 0
    for gpu in gpus:
        if gpu.spec.integrated:
            shared += gpu.free_bytes
        else:
            discrete += gpu.free_bytes
    if 0 < system_free_bytes < shared:
        shared = system_free_bytes
    return discrete + shared
