"""A run of many records is stored, read and summarised in little memory; the million is in the benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
COUNT = 20_000


def test_memory_does_not_grow_with_the_records_but_by_a_few_numbers_each(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.store.many_records", str(tmp_path / "runs.db"), str(COUNT), "33"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["count"] == COUNT
    assert result["metrics"] == {
        "ttft_cold_s": COUNT // 10,
        "ttft_warm_s": COUNT - COUNT // 10,
        "wait_s": COUNT,
        "e2e_s": COUNT,
        "tpot_s": COUNT,
    }
    # The records as objects would take about 40 MiB more; a queue of them, caches and numbers take less than 32.
    assert result["peak_mib"] - result["base_mib"] < 40
