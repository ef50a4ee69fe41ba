"""Profiles: what differs between release lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import UsageError
from toolkit.host.scheduler import GpuSpec, Settings, profile

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
MIB = 1 << 20
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


@pytest.mark.parametrize(
    ("totals_gib", "overhead_gib", "expected"),
    [([], 0, 4096), ([22.9], 0, 4096), ([23], 0, 32768), ([24, 23], 0, 262144), ([24], 2, 4096), ([8], 9, 262144)],
)
def test_the_automatic_context_follows_the_total(totals_gib: list[float], overhead_gib: int, expected: int) -> None:
    gpus = tuple(GpuSpec(str(n), "CUDA", int(gib * GIB)) for n, gib in enumerate(totals_gib))
    assert profile("v0.32").automatic_num_ctx(gpus, Settings(gpu_overhead_bytes=overhead_gib * GIB)) == expected


@pytest.mark.parametrize(("now", "lower"), [(262144, 32768), (32769, 32768), (32768, 4096), (4097, 4096), (4096, None)])
def test_an_automatic_context_steps_down(now: int, lower: int | None) -> None:
    assert profile("v0.32").lower_num_ctx(now) == lower


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'v9'; the profiles are v0\.32, v0\.24"):
        profile("v9")


def test_v024_counts_what_is_really_needed_and_keeps_a_reserve(desk: Callable[..., Any]) -> None:
    gpus = [GpuSpec("GPU-0", "CUDA", 10 * GIB), GpuSpec("GPU-1", "CUDA", 12 * GIB)]
    bench = desk(gpus=gpus, profile_name="v0.24")
    bench.memory.need = 12 * GIB - 457 * MIB
    bench.load("r1", "a")
    assert bench.started[-1].launch.gpus == (1,)
    bench.memory.need += 1
    bench.ask("r2", "b")
    assert bench.started[-1].launch.gpus == (0, 1), "too big by one byte for one GPU, so it goes over both"
    assert bench.started[-1].launch.num_batch == 512
