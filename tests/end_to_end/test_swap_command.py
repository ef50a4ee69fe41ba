"""`hotswap swap` as a process, against the twin behind HTTP."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from typing import TYPE_CHECKING

import httpx

from tests.end_to_end.test_live import HOTSWAP, PATIENCE_S, PROJECT, hotswap, loaded, served_twin, until

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ("--time-scale", "0.01", "--config", "config/twin-cpu.yaml", "--env", "OLLAMA_MAX_LOADED_MODELS=1")
FAST, CODE = "qwen2.5:7b", "deepseek-coder-v2:16b"


def test_it_measures_keeps_and_puts_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served_twin(tmp_path, *QUICK) as (url, _):
        body = {"model": FAST, "keep_alive": "20m", "options": {"num_ctx": 8192}, "stream": False}
        httpx.post(f"{url}/api/generate", json=body, trust_env=False, timeout=30).raise_for_status()
        done = hotswap("swap", FAST, CODE, "--host", url, "--repeat", "1", "--num-ctx", "4096", "--json", "--out", out)
        assert done.returncode == 0, done.stderr
        assert loaded(url) == {FAST: 8192}
    told = json.loads(done.stdout)
    assert (told["complete"], told["simulated"], told["clocks_agree"]) == (True, True, False)
    assert len(told["samples"]) == 6
    assert {(cell["from"], cell["to"]) for cell in told["cells"]} == {
        (before, model) for before in (None, FAST, CODE) for model in (FAST, CODE)
    }
    assert json.loads((out / "swap.json").read_text(encoding="utf-8")) == told
    with (out / "swap_matrix.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted({row["kind"] for row in rows} - {"load_cold", "load_warm", "load"}) == ["resident", "swap"]
    assert "<svg" in (out / "index.html").read_text(encoding="utf-8")


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served_twin(tmp_path, *QUICK) as (url, _):
        command = [*HOTSWAP, "swap", FAST, CODE, "--host", url, "--repeat", "100", "--out", str(out)]
        client = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        kept = out / "swap_matrix.csv"
        until(lambda: kept.exists() and kept.read_text(encoding="utf-8").count("\n") >= 4, "nothing was kept")
        client.send_signal(signal.SIGINT)
        stdout, stderr = client.communicate(timeout=PATIENCE_S)
        assert client.returncode == 130, stderr
        assert "Traceback" not in stderr
        assert "Incomplete:" in stdout
        assert loaded(url) == {}
    told = json.loads((out / "swap.json").read_text(encoding="utf-8"))
    assert not told["complete"]
    assert len(told["samples"]) >= 3
