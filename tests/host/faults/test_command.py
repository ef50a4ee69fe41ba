"""`hotswap twin serve --faults FILE`, as a program."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "import sys; from toolkit.cli.main import main; sys.exit(main())"
SERVE = [sys.executable, "-c", PROGRAM, "twin", "serve", "--port", "0", "--time-scale", "0"]
ASK = {"model": "qwen2.5:7b", "prompt": "hi"}


def test_a_served_twin_has_the_faults_of_the_file(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text(
        "faults:\n"
        "  - {fault: http_error, status: 503, when: {path: /api/version, nth: 1}}\n"
        "  - {fault: load_fails, error: the process is gone, when: {times: 1}}\n"
        "  - {fault: half_line, when: {path: /api/generate, nth: 3}}\n",
        encoding="utf-8",
    )
    with subprocess.Popen([*SERVE, "--faults", str(faults)], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = next(line for line in server.stderr if "the twin answers" in line)
        found = re.search(r"http://\S+:\d+", said)
        assert found is not None
        with httpx.Client(base_url=found[0], timeout=20) as client:
            assert [client.get("/api/version").status_code for _ in range(2)] == [503, 200]
            first = client.post("/api/generate", json=ASK)
            assert (first.status_code, first.json()) == (500, {"error": "the process is gone"})
            assert client.post("/api/generate", json=ASK).status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                client.post("/api/generate", json=ASK)
        server.send_signal(signal.SIGINT)
        rest = server.stderr.read()
        assert server.wait() in {0, 130}
    assert "Traceback" not in rest


def test_a_mistake_in_the_file_is_a_usage_error_with_its_line(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults:\n  - {fault: stal}\n", encoding="utf-8")
    done = subprocess.run([*SERVE, "--faults", str(faults)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{faults}:2: faults[0].fault: found 'stal'" in done.stderr
    assert "did you mean 'stall'?" in done.stderr
