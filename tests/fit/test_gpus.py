"""GPUs by name and by size."""

from __future__ import annotations

import pytest

from toolkit.errors import UsageError
from toolkit.fit.gpus import GIB, GPUS, gpu_of, gpus_of


@pytest.mark.parametrize("text", ["rtx4090", "RTX 4090", "NVIDIA GeForce RTX 4090", "rtx-4090"])
def test_names_are_found_however_they_are_written(text: str) -> None:
    assert gpu_of(text).name == "RTX 4090"


@pytest.mark.parametrize(("text", "size"), [("24GiB", 24 * GIB), ("8GB", 8 * 10**9), ("1.5 gib", 3 * GIB // 2)])
def test_a_size_stands_for_a_gpu(text: str, size: int) -> None:
    assert (gpu_of(text).total_bytes, gpu_of(text).bytes_per_s) == (size, None)


def test_several_and_repeated() -> None:
    assert [gpu.name for gpu in gpus_of("2xrtx3090, a10")] == ["RTX 3090", "RTX 3090", "A10"]
    assert len(gpus_of("3x24GiB")) == 3


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean RTX 3080 or RTX 3080 Ti"):
        gpu_of("rtx308")
    with pytest.raises(UsageError, match="a size such as 24GiB"):
        gpu_of("voodoo")


def test_names_are_unique_and_sensible() -> None:
    assert len({gpu.name for gpu in GPUS}) == len(GPUS)
    assert all(gpu_of(gpu.name) is gpu for gpu in GPUS)
    assert all(gpu.total_bytes >= 6 * GIB and gpu.bytes_per_s for gpu in GPUS)


def test_old_cards_have_no_flash_attention() -> None:
    assert gpu_of("gtx1080ti").has_flash_attention
    assert not gpu_of("24GiB").compute_major < 6
