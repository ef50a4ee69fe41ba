"""Free memory as the scheduler believes it, and where a model goes."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.host.scheduler import GpuSpec, ModelSpec, RunnerReport, resolve_demand
from toolkit.host.scheduler.memory import FreeGpu, MemoryView, available_on_all, believed_free
from toolkit.host.scheduler.placement import Placement, place

GIB = 1 << 30
MODEL = ModelSpec("m", "d", 2_000_000_000, "llama", 28, 3072, 24, 8, 131072)
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


def free(position: int, gib: float, library: str = "CUDA", *, integrated: bool = False) -> FreeGpu:
    return FreeGpu(position, GpuSpec(f"GPU-{position}", library, 24 * GIB, integrated), int(gib * GIB))


def test_the_smaller_of_driver_and_own_sum_is_believed() -> None:
    reports = [RunnerReport(((0, 4 * GIB),), 4 * GIB, 4 * GIB)]
    assert believed_free([CUDA], [23 * GIB], reports)[0].free_bytes == 20 * GIB
    assert believed_free([CUDA], [3 * GIB], reports)[0].free_bytes == 3 * GIB
    too_much = [RunnerReport(((0, 30 * GIB),), 30 * GIB, 30 * GIB)]
    assert believed_free([CUDA], [3 * GIB], too_much)[0].free_bytes == 0


def test_integrated_gpus_share_the_systems_memory() -> None:
    gpus = [free(0, 10), free(1, 8, integrated=True), free(2, 8, integrated=True)]
    assert available_on_all(gpus, 12 * GIB) == 22 * GIB
    assert available_on_all(gpus, 0) == 26 * GIB, "0 is unknown"


def options(**changes: Any) -> Any:
    return resolve_demand(MODEL, changes, 4096).options


def test_one_gpu_is_never_chosen_and_main_gpu_is_passed_on() -> None:
    view = MemoryView((free(0, 1),), GIB)
    assert place(view, options(main_gpu=5), 99 * GIB, spread=False) == Placement(view.gpus, 5)


def test_the_single_gpu_that_fits_is_discrete_first_then_roomiest_then_first() -> None:
    gpus = (free(0, 20, "Vulkan", integrated=True), free(1, 10), free(2, 10), free(3, 5))
    chosen = place(MemoryView(gpus, 64 * GIB), options(), 8 * GIB, spread=False)
    assert ([gpu.position for gpu in chosen.gpus], chosen.main_gpu) == ([1], 0)


def test_exactly_80_percent_is_a_single_fit() -> None:
    gpus = (free(0, 10), free(1, 9))
    assert len(place(MemoryView(gpus, GIB), options(), 8 * GIB, spread=False).gpus) == 1
    assert len(place(MemoryView(gpus, GIB), options(), 8 * GIB + 1, spread=False).gpus) == 2


def test_too_big_for_one_goes_over_the_best_group() -> None:
    gpus = (free(0, 10, "ROCm"), free(1, 6), free(2, 6))
    chosen = place(MemoryView(gpus, GIB), options(), 50 * GIB, spread=False)
    assert ([gpu.position for gpu in chosen.gpus], chosen.main_gpu) == ([1, 2], None)


def test_spread_skips_the_single_gpu() -> None:
    gpus = (free(0, 10), free(1, 10))
    assert len(place(MemoryView(gpus, GIB), options(), GIB, spread=True).gpus) == 2


@pytest.mark.parametrize(
    ("wanted", "positions", "passed_on"), [(0, [2], 0), (1, [1], 0), (2, [0, 1], 2), (-1, [0, 1], -1)]
)
def test_an_explicit_main_gpu_counts_within_its_group(wanted: int, positions: list[int], passed_on: int) -> None:
    gpus = (free(0, 10), free(1, 10), free(2, 12, "ROCm"))
    chosen = place(MemoryView(gpus, GIB), options(main_gpu=wanted), GIB, spread=False)
    assert ([gpu.position for gpu in chosen.gpus], chosen.main_gpu) == (positions, passed_on)
