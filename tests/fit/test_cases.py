"""Cases as JSON lines: one answer each, in order, and a clear word for a bad one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import InputError
from toolkit.fit.cases import answers
from toolkit.fit.catalogue import published

if TYPE_CHECKING:
    from toolkit.ollama.gguf import Header

GOOD = {"gguf": "qwen2.5:0.5b", "device": "cuda", "num_ctx": 2048, "parallel": 1, "kv_unified": False, "kv_type": "f16",
        "flash_attn": "auto", "batch": 512}  # fmt: skip


def read(path: str) -> Header:
    return published(path)


def ask(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    return list(answers([json.dumps(case) for case in cases], "cases.jsonl", read))


def test_answers_come_in_order_and_add_up() -> None:
    first, second = ask(GOOD, {**GOOD, "num_ctx": 4096})
    assert first["context_bytes"] * 2 == second["context_bytes"]
    for answer in (first, second):
        parts = ("weights_gpu_bytes", "context_bytes", "compute_gpu_bytes")
        assert answer["gpu_total_bytes"] == sum(answer[part] for part in parts)
        host = ("weights_host_bytes", "compute_host_bytes", "output_bytes")
        assert answer["total_bytes"] == answer["gpu_total_bytes"] + sum(answer[part] for part in host)


def test_a_header_without_its_data_takes_the_size_of_the_file_from_the_case() -> None:
    (small,), (large,) = ask(GOOD), ask({**GOOD, "file_size": 10**9})
    assert large["ollama_predicted_bytes"] == 10**9 + small["ollama_predicted_bytes"] - (
        read("qwen2.5:0.5b").file_bytes or 0
    )


def test_several_gpus_are_listed() -> None:
    (answer,) = ask({**GOOD, "n_gpu": 2})
    assert len(answer["gpus"]) == 2
    assert sum(gpu["weights_bytes"] for gpu in answer["gpus"]) == answer["weights_gpu_bytes"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[]", 'an object with "gguf"'),
        ('{"gguf": 5}', 'an object with "gguf"'),
        ('{"gguf": "qwen2.5:0.5b"}', "num_ctx is missing"),
        ('{"gguf": "qwen2.5:0.5b", "num_ctx": "4096"}', "num_ctx is '4096'"),
        ('{"gguf": "qwen2.5:0.5b", "num_ctx": true}', "num_ctx is True"),
        ('{"gguf": "qwen2.5:0.5b", "num_ctx": 8, "nctx": 8}', "'nctx' is no key"),
    ],
)
def test_a_bad_case_is_named_by_its_line(line: str, says: str) -> None:
    with pytest.raises(InputError, match=r"^cases\.jsonl:2: ") as caught:
        list(answers([json.dumps(GOOD), line], "cases.jsonl", read))
    assert says in str(caught.value)
