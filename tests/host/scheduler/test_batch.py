"""The automatic batch, its surcharge, and flash attention."""

from __future__ import annotations

import pytest

from toolkit.host.scheduler import GpuSpec, Settings
from toolkit.host.scheduler.batch import automatic_batch, flash_attention, surcharge_bytes

GIB = 1 << 30
MIB = 1 << 20
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


@pytest.mark.parametrize(("total", "batch"), [(4096, 512), (4097, 1024), (32768, 1024), (32769, 2048)])
def test_the_batch_follows_the_context(total: int, batch: int) -> None:
    assert automatic_batch(total, GIB, 100 * GIB, [(CUDA, 100 * GIB)], flash=True) == batch


def test_the_large_batch_needs_the_prediction_within_60_percent() -> None:
    free = 10 * GIB
    assert automatic_batch(40000, 6 * GIB, free, [(CUDA, free)], flash=True) == 2048
    assert automatic_batch(40000, 6 * GIB + 1, free, [(CUDA, free)], flash=True) == 1024


def test_the_medium_batch_needs_75_percent_and_its_surcharge_within_80() -> None:
    free = 20 * GIB
    assert automatic_batch(8192, 15 * GIB, free, [(CUDA, free)], flash=True) == 1024
    assert automatic_batch(8192, 15 * GIB + 1, free, [(CUDA, free)], flash=True) == 512
    free = 10 * GIB
    room = free * 80 // 100 - 768 * MIB
    assert automatic_batch(8192, room, free, [(CUDA, free)], flash=True) == 1024
    assert automatic_batch(8192, room + 1, free, [(CUDA, free)], flash=True) == 512


def test_nothing_available_is_unknown() -> None:
    assert automatic_batch(40000, 6 * GIB, 0, [], flash=True) == 2048


@pytest.mark.parametrize(
    ("total", "free", "batch"),
    [(4096, GIB, 512), (4097, 8 * GIB, 256), (4097, 8 * GIB + 1, 512), (4097, 0, 512)],
)
def test_cuda_without_flash_attention(total: int, free: int, batch: int) -> None:
    assert automatic_batch(total, GIB, 20 * GIB, [(CUDA, free)], flash=False) == batch


def test_free_above_total_is_not_believed_without_flash_attention() -> None:
    small = GpuSpec("GPU-0", "CUDA", 6 * GIB)
    assert automatic_batch(8192, GIB, 20 * GIB, [(small, 10 * GIB)], flash=False) == 256


@pytest.mark.parametrize(
    ("batch", "cost"), [(1023, 0), (1024, 768 * MIB), (2047, 768 * MIB), (2048, 2 * GIB), (9999, 2 * GIB)]
)
def test_surcharges(batch: int, cost: int) -> None:
    assert surcharge_bytes(batch) == cost


@pytest.mark.parametrize(
    ("library", "major", "expected"),
    [
        ("CUDA", 5, False),
        ("CUDA", 6, True),
        ("ROCm", 0, True),
        ("Vulkan", 0, True),
        ("Metal", 0, True),
        ("oneAPI", 9, False),
    ],
)
def test_flash_attention_by_gpu(library: str, major: int, expected: bool) -> None:
    assert flash_attention(Settings(), [GpuSpec("g", library, GIB, compute_major=major)]) is expected
    assert flash_attention(Settings(flash_attention=not expected), []) is not expected
