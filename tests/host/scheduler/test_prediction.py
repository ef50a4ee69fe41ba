"""What the server believes a model will take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolkit.host.scheduler import GpuSpec, ModelSpec
from toolkit.host.scheduler.prediction import cache_bytes_per_token, effective_context, predicted_bytes

GIB = 1 << 30
MODEL = ModelSpec("m", "d", 2_000_000_000, "llama", 28, 3072, 24, 8, 131072)
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


def test_the_prediction_of_a_recorded_model() -> None:
    """2 x 28 layers x 8 heads x 128 x 2 bytes a token; the recordings say 2,469,762,048 for 4096 tokens."""
    assert predicted_bytes(MODEL, 4096) == 2_469_762_048


def test_no_kv_heads_count_as_one_and_no_heads_mean_no_cache() -> None:
    assert cache_bytes_per_token(replace(MODEL, head_count_kv=0)) == 2 * 28 * 1 * 128 * 2
    assert cache_bytes_per_token(replace(MODEL, head_count=0)) == 0


@pytest.mark.parametrize(("asked", "trained", "given_"), [(9, 8, 8), (8, 8, 8), (7, 8, 7), (9, 0, 9)])
def test_the_context_is_clamped_to_the_trained_one(asked: int, trained: int, given_: int) -> None:
    assert effective_context(asked, trained) == given_
