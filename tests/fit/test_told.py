"""A model's header by what its server tells."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.spec import spec_of
from toolkit.fit.told import told_header
from toolkit.ollama.types import ModelDetails, ModelInfo

KEYS = {
    "general.architecture": "qwen2",
    "qwen2.block_count": 2,
    "qwen2.embedding_length": 256,
    "qwen2.feed_forward_length": 512,
    "qwen2.attention.head_count": 4,
    "qwen2.attention.head_count_kv": 2,
    "qwen2.context_length": 4096,
}


def info(model_info: dict[str, Any], *tensors: dict[str, Any]) -> ModelInfo:
    details = ModelDetails("gguf", "qwen2", ("qwen2",), "", "")
    return ModelInfo(details, (), "", "", "", "", model_info, None, None, tensors)


def test_tensors_are_taken_as_told() -> None:
    told = told_header("mine", info(KEYS, {"name": "token_embd.weight", "type": "F16", "shape": [256, 1000]}), 512_000)
    assert told.tensor_bytes == 256 * 1000 * 2


def test_tensors_are_drafted_from_the_vocabulary_and_the_size_of_the_file() -> None:
    keys = {**KEYS, "qwen2.vocab_size": 30_000}
    small = told_header("mine", info(keys), 1)
    large = told_header("mine", info(keys), 1 << 30)
    assert small.tensor_bytes < large.tensor_bytes, "the larger file has a head of its own"
    assert spec_of(large).vocabulary == 30_000


def test_a_published_model_stands_in_where_a_server_tells_too_little() -> None:
    assert told_header("qwen2.5:7b", info(KEYS), None).tensor_bytes == published("qwen2.5:7b").tensor_bytes
    with pytest.raises(UsageError, match="not in the catalogue"):
        told_header("nobody:1b", info(KEYS), None)
