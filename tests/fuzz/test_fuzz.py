"""A bounded run of the fuzzer, where there is one for this Python; `make fuzz` runs it longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_the_reader_of_model_files_survives_a_bounded_run(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this Python or system")
    script = Path(__file__).with_name("fuzz_gguf.py")
    # A new program's peak memory begins with that of the process that started it: a shell's, not this one's.
    run = subprocess.run(
        [
            *("/bin/sh", "-c", '"$0" "$@"; exit $?'),
            sys.executable,
            str(script),
            "-runs=3000",
            "-seed=1",
            f"-artifact_prefix={tmp_path}/",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=script.parents[2],
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done 3000 runs" in run.stderr
