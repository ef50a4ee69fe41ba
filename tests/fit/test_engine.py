"""Architectures beyond the large table: made-up models, and what the engine itself would allocate for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.fit.architectures import is_known
from toolkit.fit.estimate import estimate
from toolkit.fit.setting import Setting
from toolkit.fit.spec import Spec, spec_of
from toolkit.ollama.gguf import STORAGE_BY_NAME, ArrayValue, Header, TensorInfo

MODELS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures/fit/engine.jsonl").read_text(encoding="utf-8").splitlines()
]


def spec(model: dict[str, Any]) -> Spec:
    metadata = {
        key: ArrayValue("any", len(value), tuple(value)) if isinstance(value, list) else value
        for key, value in model["metadata"].items()
    }
    layered = (
        (f"blk.{number}.{name}", shape, storage)
        for number, kind in enumerate(model["layers"])
        for name, shape, storage in model["kinds"][kind]
    )
    tensors = tuple(
        TensorInfo(name, tuple(shape), STORAGE_BY_NAME[storage]) for name, shape, storage in (*model["roots"], *layered)
    )
    return spec_of(Header(model["name"], 3, "little", metadata, tensors, None, None))


@pytest.mark.parametrize("model", MODELS, ids=[model["name"] for model in MODELS])
def test_buffers_are_those_of_the_engine(model: dict[str, Any]) -> None:
    """Weights, caches and compute buffers, to the byte on each device."""
    made = spec(model)
    assert is_known(made)
    for row in model["rows"]:
        device, num_ctx, parallel, unified, kv_type, flash, batch, *sizes = row
        found = estimate(made, Setting(num_ctx, parallel, batch, kv_type, flash, device, unified))
        mine = [
            found.weights_gpu_bytes,
            found.host.weights_bytes,
            found.cache.context_bytes,
            found.compute_gpu_bytes,
            found.host.compute_bytes,
        ]
        assert mine == sizes, row


def test_there_are_models_of_every_class() -> None:
    assert len({estimate(spec(model), Setting(512)).family for model in MODELS}) >= 7
