"""The table of sources in docs/validation.md speaks of the speeds that the default host really has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolkit.config.twin_default import DEFAULT_GPUS, DEFAULT_MODELS

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^\| (?P<model>\S+), (?P<what>decode|prefill) \| (?P<speed>[\d.]+) \|", re.MULTILINE)


def test_each_speed_of_the_default_host_has_its_source(project_dir: Path) -> None:
    document = (project_dir / "docs" / "validation.md").read_text(encoding="utf-8")
    told = {(row["model"], row["what"]): float(row["speed"]) for row in ROW.finditer(document)}
    used = {
        (model.name, what): speed
        for model in DEFAULT_MODELS
        for what, speed in (("decode", model.decode_tok_per_s), ("prefill", model.prefill_tok_per_s))
    }
    assert told == used


def test_no_dense_model_writes_faster_than_its_weights_can_be_read() -> None:
    bandwidth = DEFAULT_GPUS[0].bandwidth_bytes_per_s
    for model in DEFAULT_MODELS:
        if "qwen2" in model.architecture:
            assert model.decode_tok_per_s is not None
            assert 0.5 < model.decode_tok_per_s * model.weights_bytes / bandwidth < 0.85
