"""The arithmetic against what the engine itself allocated: buffer by buffer, to the byte."""

from __future__ import annotations

import csv
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.fit.cases import answer
from toolkit.fit.estimate import estimate
from toolkit.fit.setting import Setting
from toolkit.fit.spec import Spec, spec_of
from toolkit.ollama.gguf import read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.shared

EVERY = 29  # of 13,608 rows; the accuracy table is made from all of them
COLUMNS = (
    "weights_gpu_bytes", "weights_host_bytes", "kv_bytes", "rs_bytes", "context_bytes", "compute_gpu_bytes",
    "compute_host_bytes", "output_bytes", "gpu_total_bytes", "total_bytes", "ollama_ps_vram_bytes",
    "ollama_predicted_bytes", "ollama_batch", "ollama_surcharge_bytes",
)  # fmt: skip
MIB = 1 << 20


@pytest.fixture(scope="session")
def folder(shared_dir: Path) -> Path:
    return shared_dir / "ollama/golden/memory"


def specs(folder: Path, list_file: str, headers: str) -> Callable[[str], Spec]:
    sizes = {row["name"]: row["file_size"] for row in map(json.loads, (folder / list_file).read_text().splitlines())}

    @cache
    def one(name: str) -> Spec:
        return spec_of(read_file(folder / headers / f"{name.replace(':', '_')}.gguf"), sizes[name])

    return one


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def setting(row: dict[str, str], **more: Any) -> Setting:
    return Setting(
        num_ctx=int(row["num_ctx"]),
        parallel=int(row["parallel"]),
        batch=int(row["batch"]),
        kv_type=row["kv_type"],
        flash_attn=row["flash_attn"],  # type: ignore[arg-type]  # the table has the three values
        **more,
    )


def test_every_buffer_equals_the_engines_to_the_byte(folder: Path) -> None:
    spec = specs(folder, "models.jsonl", "headers")
    server = [row for row in rows(folder / "truth.csv") if row["n_outputs_mode"] == "server"]
    sample = server[::EVERY]
    assert len({row["model"] for row in sample}) == len({row["model"] for row in server})
    wrong = []
    for row in sample:
        unified: Any = {"kv_unified": row["kv_unified"] == "1", "device": row["device"]}
        mine = answer(spec(row["model"]), setting(row, **unified))
        for column in COLUMNS:
            theirs = int(row[column] or 0)
            off_gpu = column == "gpu_total_bytes" and row["device"] == "cpu"
            if mine[column] != theirs and not off_gpu:
                wrong.append((row["model"], row["device"], row["num_ctx"], row["batch"], column, mine[column], theirs))
    assert wrong == []


def test_real_server_processes_logged_the_same(folder: Path) -> None:
    """Architectures that are not in the large table, too; the log has two decimals of MiB."""
    spec = specs(folder, "models_tiny.jsonl", "headers_tiny")
    checked = [row for row in rows(folder / "server_check.csv") if row["model"].startswith("tiny-")]
    assert len(checked) > 60
    for row in checked:
        found = estimate(spec(row["model"]), setting(row, device="cpu"))
        mine = {
            "server_model_mib": found.host.weights_bytes,
            "server_kv_mib": found.cache.cache_bytes,
            "server_rs_mib": found.cache.state_bytes,
            "server_compute_mib": found.host.compute_bytes,
            "server_output_mib": found.host.output_bytes,
        }
        for column, size in mine.items():
            assert round(size / MIB, 2) == pytest.approx(float(row[column] or 0), abs=0.011), (row["model"], column)


def test_partial_offload_and_several_gpus(folder: Path) -> None:
    """Every buffer on each device to the byte but for one: delta nets with layers on the host and several slots."""
    spec = specs(folder, "models.jsonl", "headers")
    wrong = []
    for row in rows(folder / "split.csv")[::4]:
        found = estimate(
            spec(row["model"]), setting(row, n_gpu=int(row["n_gpu"]), n_gpu_layers=int(row["n_gpu_layers"]))
        )
        load = found.host if row["gpu"] == "host" else found.gpus[int(row["gpu"].removeprefix("CUDA"))]
        theirs = [int(row[column]) for column in ("weights_bytes", "context_bytes", "compute_bytes")]
        mine = [load.weights_bytes, load.cache.context_bytes, load.compute_bytes]
        longer_way = row["model"].startswith("qwen3.5") and row["parallel"] != "1" and row["n_gpu"] == "1"
        allowed = 0.002 * sum(theirs) if longer_way else 0
        if mine[:2] != theirs[:2] or abs(sum(mine) - sum(theirs)) > allowed:
            wrong.append(row)
    assert wrong == []
