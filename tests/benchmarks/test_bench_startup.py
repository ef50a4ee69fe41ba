"""What starting costs, beside an import of the libraries that it takes.

The ratio of the medians should stay below three for `hotswap --help` over click, and below two for `hotswap replay`
until its first request over click, YAML and aiohttp.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.cli.first_chat_host import FirstChatHost

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

COMMANDS = {
    "import-click": "import click",
    "hotswap-help": "import sys; sys.argv = ['hotswap', '--help']; from toolkit.cli.main import main; main()",
    "import-libraries": "import click, yaml, aiohttp",
}
TRACE = '{"at_s": 0, "model": "qwen2.5:7b", "prompt_tokens": 5, "output_tokens": 5}\n'
REPLAY = "from toolkit.cli.main import main; main()"
ROUNDS = 11


@pytest.mark.parametrize("what", COMMANDS)
def test_start(benchmark: BenchmarkFixture, what: str) -> None:
    def start() -> int:
        return subprocess.run([sys.executable, "-c", COMMANDS[what]], capture_output=True, check=True).returncode

    assert benchmark.pedantic(start, rounds=15, warmup_rounds=2) == 0


@pytest.mark.parametrize("stored", ["--no-store", "--store=runs.db"])
def test_replay_until_its_first_request(
    benchmark: BenchmarkFixture, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timed is from the start of the process until the whole first `/api/chat` has come."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.jsonl").write_text(TRACE, encoding="utf-8")
    has_come = threading.Event()
    with ExitStack() as running, FirstChatHost(has_come.set) as host:
        command = [sys.executable, "-c", REPLAY, "replay", "--trace", "one.jsonl", "--host", host.url, stored]

        def start() -> bool:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running.enter_context(process)
            return has_come.wait(timeout=60)

        def before() -> None:
            running.pop_all().close()  # the process before has ended
            has_come.clear()

        assert benchmark.pedantic(start, setup=before, rounds=ROUNDS, warmup_rounds=1)
