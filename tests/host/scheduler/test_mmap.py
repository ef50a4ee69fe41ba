"""Whether a file is mapped into memory."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.host.scheduler import GpuSpec, ModelSpec, resolve_demand
from toolkit.host.scheduler.memory import FreeGpu
from toolkit.host.scheduler.mmap import turns_mmap_off
from toolkit.host.scheduler.placement import Placement

GIB = 1 << 30
MODEL = ModelSpec("m", "d", 2_000_000_000, "llama", 28, 3072, 24, 8, 131072)
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


def free(position: int, gib: float, library: str = "CUDA", *, integrated: bool = False) -> FreeGpu:
    return FreeGpu(position, GpuSpec(f"GPU-{position}", library, 24 * GIB, integrated), int(gib * GIB))


def options(**changes: Any) -> Any:
    return resolve_demand(MODEL, changes, 4096).options


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"system_free_bytes": 10 * 10**9 - 1}, True),
        ({"system_free_bytes": 10 * 10**9}, False),
        ({"mapped_bytes": 10**9, "system_free_bytes": 11 * 10**9 - 1}, True),
        ({"system_total_bytes": 200 * 10**9, "system_free_bytes": 21 * 10**9}, True),
        ({"system_free_bytes": 0}, False),
        ({"predicted_bytes": 9 * GIB, "system_free_bytes": 1}, False),
    ],
)
def test_mmap_is_off_under_pressure_but_not_where_the_gpu_is_tight(changes: dict[str, int], expected: bool) -> None:
    figures = {"system_free_bytes": 48 * GIB, "system_total_bytes": 64 * 10**9, "mapped_bytes": 0, **changes}
    predicted = figures.pop("predicted_bytes", GIB)
    assert turns_mmap_off(MODEL, options(), Placement((free(0, 10),), None), predicted, **figures) is expected


def test_mmap_is_turned_off_on_the_cpu_and_left_alone_on_integrated_gpus() -> None:
    figures = {"system_free_bytes": 1, "system_total_bytes": 64 * 10**9, "mapped_bytes": 0}
    assert turns_mmap_off(MODEL, options(), Placement((), None), GIB, **figures)
    shared = Placement((free(0, 10, "Vulkan", integrated=True),), None)
    assert not turns_mmap_off(MODEL, options(), shared, GIB, **figures)


def test_mmap_is_turned_off_for_a_partial_load_on_metal() -> None:
    figures = {"system_free_bytes": 48 * GIB, "system_total_bytes": 64 * 10**9, "mapped_bytes": 0}
    metal = Placement((free(0, 10, "Metal", integrated=True),), None)
    assert turns_mmap_off(MODEL, options(num_gpu=5), metal, GIB, **figures)
    assert turns_mmap_off(MODEL, options(), metal, 11 * GIB, **figures)
    assert not turns_mmap_off(MODEL, options(num_gpu=99), metal, GIB, **figures)
