"""A config's `twin` section becomes a host."""

from __future__ import annotations

import pytest

from toolkit.config.models import Config
from toolkit.host.from_config import kv_cache_share, twin_from_config


def test_the_embedded_host_has_a_card_and_three_models() -> None:
    spec = twin_from_config(Config().twin)
    assert spec.description == "RTX 4090 24 GiB, 64 GiB RAM"
    assert [model.spec.name for model in spec.models] == ["qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"]
    assert (spec.profile, spec.server_version) == ("v0.32", "0.32.15")


@pytest.mark.parametrize(
    ("environment", "share"),
    [
        ({}, 1.0),
        ({"OLLAMA_KV_CACHE_TYPE": "q8_0"}, 34 / 64),
        ({"OLLAMA_KV_CACHE_TYPE": " Q4_0 "}, 18 / 64),
        ({"OLLAMA_KV_CACHE_TYPE": "f16"}, 1.0),
        ({"OLLAMA_KV_CACHE_TYPE": "q8_0", "OLLAMA_FLASH_ATTENTION": "0"}, 1.0),
    ],
)
def test_a_quantised_cache_takes_less_of_the_card(environment: dict[str, str], share: float) -> None:
    assert kv_cache_share(environment) == share
    plain, changed = twin_from_config(Config().twin), twin_from_config(Config().twin, environment)
    for one, other in zip(plain.models, changed.models, strict=True):
        assert other.cost.kv_bytes_per_token == round(one.cost.kv_bytes_per_token * share)
        assert other.spec == one.spec  # what the server predicts knows nothing of it


def test_the_sections_own_variables_come_before_others() -> None:
    section = Config.model_validate({"twin": {"env": {"OLLAMA_NUM_PARALLEL": 2}}}).twin
    spec = twin_from_config(section, {"OLLAMA_NUM_PARALLEL": "4", "OLLAMA_MAX_QUEUE": "9"})
    assert dict(spec.environment) == {"OLLAMA_NUM_PARALLEL": "2", "OLLAMA_MAX_QUEUE": "9"}
