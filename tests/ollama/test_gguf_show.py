"""A header out of what a server says about a model."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.ollama.gguf import ArrayValue, GgufError, header_from_show, metadata_from_show


def test_keys_arrays_and_tensors_are_taken_over() -> None:
    header = header_from_show(
        "m",
        {"general.architecture": "llama", "llama.block_count": 2.0, "llama.attention.head_count_kv": [8, 0], "a": 0.5},
        [{"name": "token_embd.weight", "type": "Q4_K", "shape": [256, 10]}],
        1000,
    )
    assert header.architecture == "llama"
    assert header.metadata["llama.block_count"] == 2
    assert header.metadata["llama.attention.head_count_kv"] == ArrayValue("json", 2, (8, 0))
    assert header.metadata["a"] == pytest.approx(0.5)
    assert (header.tensors[0].shape, header.tensors[0].nbytes, header.file_bytes) == ((256, 10), 1440, 1000)


def test_emptied_arrays_and_nulls_are_unknown_not_zero() -> None:
    """Without verbose the server empties long arrays; a list of no heads must not be read as no heads."""
    assert metadata_from_show({"x.head_count_kv": [], "tokenizer.ggml.tokens": None}) == {}


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"name": "t", "type": "Q9_Z", "shape": [32]},
        {"name": "t", "type": "F32", "shape": []},
        {"name": "t", "type": "F32", "shape": [-1]},
        {"name": "t", "type": "F32", "shape": [True]},
        {"name": 5, "type": "F32", "shape": [1]},
        {"name": "t", "type": "Q4_K", "shape": [100]},
    ],
)
def test_a_senseless_tensor_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(GgufError, match=r"^m: "):
        header_from_show("m", {}, [row], None)
