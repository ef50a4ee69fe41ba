"""The machine of the recordings, described to the twin: 2 cores, no GPU, models of 0.3 MB to 1.5 GB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit.host.machine import HostHardware
from toolkit.host.scheduler import ModelSpec
from toolkit.host.timing import HostSpeeds, ModelCost
from toolkit.host.twin_spec import TwinModel, TwinSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORDED_NAMES = {
    "m1": "mini1",
    "b50": "big50",
    "b150": "big150",
    "b400": "big400",
    "b800": "big800",
    "b1500": "big1500",
    "embed": "embed",
}
"""Names in the timings, and those of the same blobs in the list of recorded models."""
PAGE_CACHE_BYTES_PER_S = 1.2e9
DISK_BYTES_PER_S = 0.73e9
"""Both fitted on the swap matrix (see `figures.matrix_figures`), none on the trace."""
COMPUTE_BYTES = 20_000_000
"""Scratch buffers: what the log's runner sizes leave beside file and cache is 5 to 30 MB."""
GIB = 1 << 30
UNUSED = 1.0
"""A speed that nothing here depends on: service times are given, and there is no GPU."""


def recorded_host(shared_dir: Path, max_loaded: int) -> TwinSpec:
    """The recorded host; no jitter, so that it says what the timing model says."""
    known = {
        row["name"]: row for row in json.loads((shared_dir / "ollama/golden/http/models.json").read_text())["models"]
    }
    return TwinSpec(
        hardware=HostHardware((), 23 * GIB, 22 * GIB),
        models=tuple(_model(name, known[recorded]) for name, recorded in RECORDED_NAMES.items()),
        environment=(("OLLAMA_MAX_LOADED_MODELS", str(max_loaded)),),
        profile="v0.32",
        server_version="0.32.15",
        speeds=HostSpeeds(DISK_BYTES_PER_S, PAGE_CACHE_BYTES_PER_S, UNUSED, UNUSED, UNUSED),
        jitter_sigma=0.0,
        description="2 vCPU, 23 GiB",
    )


def _model(name: str, row: Mapping[str, Any]) -> TwinModel:
    heads, kv_heads = row["head_count"], row["head_count_kv"] or 0
    spec = ModelSpec(
        name,
        row["model_blob"].removeprefix("sha256:"),
        row["model_bytes"],
        row["architecture"],
        row["block_count"],
        row["embedding_length"],
        heads,
        kv_heads,
        row["context_length"],
        embedding=name == "embed",
    )
    kv_bytes = 4 * row["block_count"] * kv_heads * (row["embedding_length"] // heads)
    size = row["model_bytes"]
    cost = ModelCost(size, size, kv_bytes, COMPUTE_BYTES, row["block_count"] + 1, UNUSED, UNUSED, UNUSED, UNUSED)
    return TwinModel(spec, cost)
