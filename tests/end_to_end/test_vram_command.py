"""`hotswap vram` as a process, against the twin behind HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.end_to_end.test_live import HOTSWAP, PATIENCE_S, PROJECT, hotswap, loaded, served_twin, until
from toolkit.fit.observations import parse_observations

if TYPE_CHECKING:
    from pathlib import Path

FAST = "qwen2.5:7b"
QUICK = "twin: {gpus: [{name: quick, memory: 24GiB, integrated: true}]}\n"
"""Memory of an integrated GPU needs no time to recover."""


def test_it_observes_keeps_and_puts_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    with served_twin(tmp_path, "--config", str(tmp_path / "quick.yaml"), "--time-scale", "0.001") as (url, _):
        options = ("--host", url, "--num-ctx", "8192,4096", "--gpu", "rtx4090", "--json", "--out", out)
        done = hotswap("vram", FAST, *options)
        assert done.returncode == 0, done.stderr
        assert loaded(url) == {}
    told = json.loads(done.stdout)
    assert [one["num_ctx"] for one in told["observations"]] == [4096, 8192]
    assert told == json.loads((out / "vram.json").read_text(encoding="utf-8"))
    lines = (out / "observations.jsonl").read_text(encoding="utf-8").splitlines()
    assert [one.num_ctx for one in parse_observations(lines, "there")] == [4096, 8192]


def test_ctrl_c_keeps_what_was_seen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served_twin(tmp_path, "--time-scale", "0.05") as (url, _):
        contexts = ",".join(str(1024 + 256 * step) for step in range(80))
        command = [*HOTSWAP, "vram", FAST, "--host", url, "--num-ctx", contexts, "--out", str(out)]
        client = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        kept = out / "observations.jsonl"
        until(lambda: kept.exists() and kept.read_text(encoding="utf-8").count("\n") >= 1, "nothing was kept")
        client.send_signal(signal.SIGINT)
        stdout, stderr = client.communicate(timeout=PATIENCE_S)
        assert client.returncode == 130, stderr
        assert "Traceback" not in stderr
        assert "Interrupted" in stdout
        assert loaded(url) == {}
