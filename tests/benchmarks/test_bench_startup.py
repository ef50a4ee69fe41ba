"""What starting costs: `hotswap --help` beside an import of click, a load test's first request beside its libraries.

The ratio of the medians should stay below three for the first, and below two and a half for the second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

COMMANDS = {
    "import-click": "import click",
    "hotswap-help": "import sys; sys.argv = ['hotswap', '--help']; from toolkit.cli.main import main; main()",
    "import-libraries": "import click, yaml, pydantic, aiohttp",
}
SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "bursty-team.yaml"
MODELS = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")
HAS = [{"name": name, "model": name, "digest": "d1", "size": 1, "details": {}} for name in MODELS]
ANSWERS = {"/api/version": {"version": "0.32.15"}, "/api/tags": {"models": HAS}, "/api/ps": {"models": []}}


@pytest.mark.parametrize("what", COMMANDS)
def test_start(benchmark: BenchmarkFixture, what: str) -> None:
    def start() -> int:
        return subprocess.run([sys.executable, "-c", COMMANDS[what]], capture_output=True, check=True).returncode

    assert benchmark.pedantic(start, rounds=15, warmup_rounds=2) == 0


class Host(BaseHTTPRequestHandler):
    """Enough of a host for a load test to begin; never answers a chat."""

    protocol_version = "HTTP/1.1"
    asked = threading.Event()

    def do_GET(self) -> None:
        """What the host is and has."""
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """The first request of the load."""
        self.close_connection = True
        self.asked.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_first_request(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """From the start of `hotswap replay` to its first request at the host."""
    run = "import sys; sys.argv[0] = 'hotswap'; from toolkit.cli.main import main; main()"
    options = ["--limit", "1", "--speed", "100000", "--quiet"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        left: list[subprocess.Popen[bytes]] = []

        def fresh() -> None:
            while left:
                left[-1].kill()
                left.pop().wait()
            Host.asked.clear()

        def start() -> bool:
            number = sum(1 for _ in tmp_path.iterdir())
            places = ["--out", str(tmp_path / str(number)), "--store", str(tmp_path / "runs.db")]
            command = [sys.executable, "-c", run, "replay", str(SCENARIO), "--host", url, *options, *places]
            left.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            return Host.asked.wait(30)

        assert benchmark.pedantic(start, setup=fresh, rounds=10, warmup_rounds=2)
        fresh()
        server.shutdown()
