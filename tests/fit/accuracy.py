"""Makes the accuracy table and the picture of docs/fit.md from the recordings: `python tests/fit/accuracy.py`.

Every row of the recorded table is computed anew and compared. A test checks that the page agrees.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from statistics import median

from toolkit.fit.cases import answer
from toolkit.fit.catalogue import published
from toolkit.fit.estimate import estimate
from toolkit.fit.gpus import gpus_of
from toolkit.fit.picture import svg_of
from toolkit.fit.report import Question, Wish, report_on
from toolkit.fit.room import Room
from toolkit.fit.setting import Setting
from toolkit.fit.spec import Spec, spec_of
from toolkit.ollama.gguf import read_file

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT.parent / "shared" / "ollama" / "golden" / "memory"
PAGE = PROJECT / "docs" / "fit.md"
START, END = "<!-- accuracy: made by tests/fit/accuracy.py -->", "<!-- end of accuracy -->"
PICTURED = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")
BUFFERS = ("weights_gpu_bytes", "context_bytes", "compute_gpu_bytes", "compute_host_bytes", "output_bytes")
OLLAMA = ("ollama_predicted_bytes", "ollama_batch", "ollama_surcharge_bytes", "ollama_ps_vram_bytes")


def specs(list_file: str, headers: str) -> dict[str, Spec]:
    """Models by name."""
    found = {}
    for line in (FOLDER / list_file).read_text().splitlines():
        model = json.loads(line)
        path = FOLDER / headers / f"{model['name'].replace(':', '_')}.gguf"
        found[model["name"]] = spec_of(read_file(path), model["file_size"])
    return found


def rows(name: str) -> list[dict[str, str]]:
    """A table."""
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))


def setting(row: dict[str, str], **more: object) -> Setting:
    """A row's setting."""
    numbers = {key: int(row[key]) for key in ("num_ctx", "parallel", "batch")}
    return Setting(**numbers, kv_type=row["kv_type"], flash_attn=row["flash_attn"], **more)  # type: ignore[arg-type]  # values of the table


def table(every: int = 1) -> str:
    """The accuracy table; `every` n-th row only, to check it quickly."""
    models = specs("models.jsonl", "headers")
    server = [row for row in rows("truth.csv") if row["n_outputs_mode"] == "server"][::every]
    errors: dict[str, list[float]] = defaultdict(list)
    exact: dict[str, int] = defaultdict(int)
    for row in server:
        mine = answer(models[row["model"]], setting(row, kv_unified=row["kv_unified"] == "1", device=row["device"]))
        total = "gpu_total_bytes" if row["device"] == "cuda" else "total_bytes"
        errors[models[row["model"]].architecture].append(abs(mine[total] - int(row[total])) / int(row[total]))
        for column in (*BUFFERS, *OLLAMA):
            exact[column] += mine[column] == int(row[column] or 0)
    lines = ["| architecture | settings | median error | 95 % below | largest |", "|---|---:|---:|---:|---:|"]
    for name, values in sorted(errors.items()):
        lines.append(_line(name, values))
    lines.append(_line("**all**", [value for values in errors.values() for value in values]))
    share = ", ".join(f"{column} {exact[column] / len(server):.2%}" for column in (*BUFFERS, *OLLAMA))
    return "\n".join([*lines, "", f"Equal to the byte: {share}.", "", split_sentence(models)])


def split_sentence(models: dict[str, Spec]) -> str:
    """How well partial offload and several GPUs are told, device by device."""
    off: list[float] = []
    exact = 0
    for row in rows("split.csv"):
        layers = int(row["n_gpu_layers"])
        found = estimate(models[row["model"]], setting(row, n_gpu=int(row["n_gpu"]), n_gpu_layers=layers))
        load = found.host if row["gpu"] == "host" else found.gpus[int(row["gpu"].removeprefix("CUDA"))]
        true = [int(row[column]) for column in ("weights_bytes", "context_bytes", "compute_bytes")]
        mine = [load.weights_bytes, load.cache.context_bytes, load.compute_bytes]
        exact += mine == true
        off.append(abs(sum(mine) - sum(true)) / sum(true))
    return (
        f"Partial offload, GPUs that only compute, and several GPUs, {len(off)} devices: {exact} equal to the byte, "
        f"largest difference {max(off):.2%}."
    )


def _line(name: str, values: list[float]) -> str:
    late = sorted(values)[int(0.95 * len(values))]
    return f"| {name} | {len(values)} | {median(values):.2%} | {late:.2%} | {max(values):.2%} |"


def picture() -> str:
    """The three models of the user's machine on one card."""
    named = tuple((name, spec_of(published(name))) for name in PICTURED)
    return svg_of(report_on(Question(named, Room(gpus_of("rtx4090")), Wish())))


def main() -> None:
    """Write both."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{table()}\n{END}{after}", encoding="utf-8")
    PAGE.with_suffix(".svg").write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
