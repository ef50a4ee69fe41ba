"""What the benchmarks of the gateway share: a host of known times, and a gateway before it, each pinned to a core.

On a machine that others use, too, `FIFO=1` runs both with real-time priority (for root).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.load_table import pinned

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FIRST_S, GAP_S = "0.15", "0.025"
"""A first token after 150 ms, then 40 a second."""
_READY_S = 60.0
_CONFIG = """\
llm:
  base_url: {url}
  models: {{primary: "m:1b", code: "code:1b", fast: "fast:1b"}}
host:
  settings: {{OLLAMA_NUM_PARALLEL: 4096}}
gateway:
  trace: {{file: {folder}/trace.jsonl}}
  sessions: {{file: {folder}/sessions.db}}
"""


@dataclass(frozen=True)
class Running:
    """The host, and the gateway before it."""

    host_url: str
    url: str
    pid: int
    sessions: Path


def environment() -> dict[str, str]:
    """For the processes: this project is found."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def gateway(core: int | None = 0, others: int | None = 1) -> Iterator[Running]:
    """A gateway alone on its core, the host on another; None: wherever the system puts them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host = [sys.executable, str(HERE / "known_times.py"), str(folder / "host"), FIRST_S, GAP_S]
        host_url, _ = stack.enter_context(_process(host, folder / "host", others))
        (folder / "config.yaml").write_text(_CONFIG.format(url=host_url, folder=folder), encoding="utf-8")
        serve = ["serve", "--config", str(folder / "config.yaml"), "--port", "0", "--quiet", "--ready-file"]
        command = [sys.executable, "-c", "from toolkit.cli.main import main; main()", *serve, str(folder / "gateway")]
        url, pid = stack.enter_context(_process(command, folder / "gateway", core))
        yield Running(host_url, url, pid, folder / "sessions.db")


@contextmanager
def _process(command: list[str], ready: Path, core: int | None) -> Iterator[tuple[str, int]]:
    """The first line of its ready file, and its number."""
    place = [] if core is None else pinned(core)
    process = subprocess.Popen([*place, *command], env=environment(), stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _READY_S
        while not ready.exists():
            assert process.poll() is None, f"{command} has ended"
            assert time.monotonic() < until, f"{command} does not start"
            time.sleep(0.02)
        yield ready.read_text(encoding="utf-8").splitlines()[0], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
