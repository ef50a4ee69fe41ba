"""Laws of the estimate that hold for every model and setting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.fit.catalogue import CATALOGUE, published
from toolkit.fit.estimate import estimate
from toolkit.fit.ps import logged_bytes, shown_vram_bytes
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.fit.split import split_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.fit.spec import Spec

NAMES = ("qwen2.5:0.5b", "gemma3:1b", "gpt-oss:20b", "deepseek-coder-v2:16b", "phi3:mini", "command-r:35b")
SPECS = {name: spec_of(published(name)) for name in NAMES}
MIB = 1 << 20

some_settings = st.builds(
    Setting,
    num_ctx=st.sampled_from([100, 2048, 5000, 32768]),
    parallel=st.integers(1, 4),
    batch=st.sampled_from([64, 512, 1024]),
    kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
    kv_unified=st.booleans(),
)
slow = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(st.sampled_from(NAMES), some_settings)
def test_more_context_or_batch_never_takes_less(name: str, setting: Setting) -> None:
    base = estimate(SPECS[name], setting).gpu_total_bytes
    for more in (
        replace(setting, num_ctx=setting.num_ctx * 2),
        replace(setting, batch=setting.batch * 2),
    ):
        assert estimate(SPECS[name], more).gpu_total_bytes >= base


@slow
@given(st.sampled_from(NAMES), some_settings, st.integers(1, 3))
def test_devices_share_everything_and_lose_nothing(name: str, setting: Setting, gpus: int) -> None:
    """Caches add up to the same over any split; weights to more only by what is held twice."""
    spec = SPECS[name]
    one, many = estimate(spec, setting), estimate(spec, replace(setting, n_gpu=gpus))
    assert many.cache == one.cache
    assert one.weights_gpu_bytes <= many.weights_gpu_bytes <= one.weights_gpu_bytes + MIB
    assert len(many.gpus) == gpus


@slow
@given(st.sampled_from(NAMES), st.integers(0, 80))
def test_every_layer_lies_on_one_device(name: str, n_gpu_layers: int) -> None:
    spec = SPECS[name]
    split = split_of(spec, Setting(2048, n_gpu_layers=n_gpu_layers))
    assert split.offloaded == min(n_gpu_layers, len(spec.blocks) + 1)
    found = estimate(spec, Setting(2048, n_gpu_layers=n_gpu_layers))
    assert found.cache.context_bytes == estimate(spec, Setting(2048)).cache.context_bytes
    assert found.total_bytes == found.gpu_total_bytes + found.host.total_bytes


def test_layers_are_dealt_out_in_order_by_free_memory() -> None:
    spec = SPECS["phi3:mini"]
    split = split_of(spec, Setting(2048, n_gpu=2), (3, 1))
    assert list(split.layers) == sorted(split.layers)
    assert split.layers.count(0) == 25
    assert split.head == 1


def test_a_quantised_cache_is_smaller_but_needs_room_for_a_copy_of_one_layer() -> None:
    spec = SPECS["phi3:mini"]
    plain, small = (estimate(spec, Setting(131072, kv_type=kind)) for kind in ("f16", "q8_0"))
    assert small.cache.cache_bytes == plain.cache.cache_bytes * 34 // 64
    one_layer = plain.cache.cache_bytes // spec.layers
    assert small.compute_gpu_bytes >= one_layer


def test_the_batch_changes_the_cache_of_sliding_layers_only() -> None:
    small, large = (estimate(SPECS["gemma3:1b"], Setting(32768, batch=batch)).cache for batch in (512, 2048))
    assert small.full_bytes == large.full_bytes
    assert small.sliding_bytes < large.sliding_bytes


def test_without_flash_attention_the_scores_of_all_heads_are_alive() -> None:
    spec = SPECS["phi3:mini"]
    on, off = (estimate(spec, Setting(8192, flash_attn=flash)).compute_gpu_bytes for flash in ("on", "off"))
    assert off > 32 * 8192 * 512 * 4 > 4 * on


def test_the_logged_sum_loses_decimals_and_the_full_cache_beside_a_sliding_one() -> None:
    assert logged_bytes(10_000_000) == int(9.54 * MIB)
    assert shown_vram_bytes(0, 500 * MIB, 100 * MIB, 0, 0) == 100 * MIB
    assert shown_vram_bytes(0, 500 * MIB, 0, 7 * MIB, 0) == 507 * MIB


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_published_model_can_be_estimated(spec: Callable[[str], Spec], name: str) -> None:
    """The weights on all devices are the tensors, padded and at most doubled."""
    model = spec(name)
    found = estimate(model, Setting(2048))
    assert model.tensor_bytes <= found.weights_gpu_bytes + found.host.weights_bytes <= 2 * model.tensor_bytes
    assert found.compute_gpu_bytes > 0
    assert found.known
