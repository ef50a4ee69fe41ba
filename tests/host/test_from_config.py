"""A config's `twin` section becomes a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.models import Config
from toolkit.config.twin_parts import TwinModelSection
from toolkit.fit.catalogue import published
from toolkit.fit.estimate import estimate
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.fit.takes import ByFigures, ByHeader
from toolkit.host.footprints import footprints_of
from toolkit.host.from_config import twin_from_config
from toolkit.host.headers import takes_of

if TYPE_CHECKING:
    from toolkit.fit.takes import Takes


def test_the_embedded_host_has_a_card_and_three_models() -> None:
    spec = twin_from_config(Config().twin)
    assert spec.description == "RTX 4090 24 GiB, 64 GiB RAM"
    assert [model.spec.name for model in spec.models] == ["qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"]
    assert (spec.profile, spec.server_version) == ("v0.32", "0.32.15")


def needs(environment: dict[str, str], batch: int = 512) -> list[int]:
    """What the embedded host's models take whole at 8192 tokens, under these variables."""
    spec = twin_from_config(Config().twin, environment)
    return [footprints_of(spec).need_bytes(model.spec, 8192, 2, batch) for model in spec.models]


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({}, Setting(8192, 2)),
        ({"OLLAMA_KV_CACHE_TYPE": "q8_0"}, Setting(8192, 2, kv_type="q8_0")),
        ({"OLLAMA_KV_CACHE_TYPE": " Q4_0 "}, Setting(8192, 2, kv_type="q4_0")),
        ({"OLLAMA_KV_CACHE_TYPE": "nonsense"}, Setting(8192, 2)),
        ({"OLLAMA_KV_CACHE_TYPE": "q8_0", "OLLAMA_FLASH_ATTENTION": "0"}, Setting(8192, 2, flash_attn="off")),
        ({"OLLAMA_FLASH_ATTENTION": "1"}, Setting(8192, 2, flash_attn="on")),
    ],
)
def test_models_take_what_the_arithmetic_of_fit_says(environment: dict[str, str], setting: Setting) -> None:
    published_ones = [spec_of(published(model.name)) for model in Config().twin.models]
    assert needs(environment) == [estimate(spec, setting).gpu_total_bytes for spec in published_ones]
    plain = twin_from_config(Config().twin)
    changed = twin_from_config(Config().twin, environment)
    assert [model.spec for model in plain.models] == [model.spec for model in changed.models], "nothing is predicted"


def test_a_larger_batch_takes_more() -> None:
    assert all(one < other for one, other in zip(needs({}), needs({}, 1024), strict=True))


SMALL = {
    "name": "mine:1b", "size": "1GB", "architecture": "llama", "blocks": 16, "embedding_length": 2048,
    "head_count": 32, "head_count_kv": 8, "context_length": 8192,
}  # fmt: skip


def takes(**more: object) -> Takes:
    return takes_of(TwinModelSection.model_validate({**SMALL, **more}))


def test_of_an_unknown_model_the_figures_count_and_what_is_guessed_is_said() -> None:
    found = takes()
    assert found.estimated == "weights by the size of the file, cache by heads, scratch buffer of 512 MiB"
    assert found.estimate(Setting(1000)).gpu_total_bytes == 10**9 + 2 * 16 * 8 * 64 * 2 * 1000 + (512 << 20)
    assert takes(vram={"weights": "1GB", "kv_per_token": "1KB", "compute": "1MB"}).estimated == ""


def test_feed_forward_and_vocabulary_make_a_header() -> None:
    found = takes(feed_forward_length=8192, vocabulary=128256, details={"quantization": "Q4_K_M"})
    assert isinstance(found, ByHeader)
    assert found.estimate(Setting(4096)).cache.context_bytes == 4096 * 2 * 16 * 8 * 64 * 2
    wide = takes(feed_forward_length=8192, vocabulary=128256, header={"attention.key_length": 128})
    assert wide.estimate(Setting(4096)).cache.context_bytes > found.estimate(Setting(4096)).cache.context_bytes


def test_what_is_said_outright_wins() -> None:
    said = {"weights": "7GB", "kv_per_token": "100KB", "compute": "1GB"}
    (model,) = Config.model_validate({"twin": {"models": [{**SMALL, **QWEN, "vram": said}]}}).twin.models
    found = takes_of(model).estimate(Setting(1000))
    assert isinstance(takes_of(model), ByHeader)
    assert found.gpus[0].weights_bytes == 7 * 10**9
    assert found.gpus[0].cache.context_bytes == pytest.approx(1000 * 100_000, rel=0.03), "cells are padded"
    assert found.gpus[0].compute_bytes == 10**9


QWEN = {
    "name": "qwen2.5:7b", "size": "4.7GB", "architecture": "qwen2", "blocks": 28, "embedding_length": 3584,
    "head_count": 28, "head_count_kv": 4, "context_length": 32768,
}  # fmt: skip


def test_a_published_name_with_other_numbers_is_not_that_model() -> None:
    assert isinstance(takes(**QWEN), ByHeader)
    assert isinstance(takes(**{**QWEN, "blocks": 27}), ByFigures)


def test_another_recipe_scales_the_weights_and_says_so() -> None:
    found = takes(**{**QWEN, "size": "8.1GB"})
    assert found.estimated == "weights by the size of the file"
    usual = takes(**QWEN).estimate(Setting(1)).weights_gpu_bytes
    assert found.estimate(Setting(1)).weights_gpu_bytes == pytest.approx(usual * 8.1 / 4.68, rel=0.01)


def test_the_sections_own_variables_come_before_others() -> None:
    section = Config.model_validate({"twin": {"env": {"OLLAMA_NUM_PARALLEL": 2}}}).twin
    spec = twin_from_config(section, {"OLLAMA_NUM_PARALLEL": "4", "OLLAMA_MAX_QUEUE": "9"})
    assert dict(spec.environment) == {"OLLAMA_NUM_PARALLEL": "2", "OLLAMA_MAX_QUEUE": "9"}
