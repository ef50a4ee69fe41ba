"""Measures the load engine's own error at several rates, and puts the table into docs/load.md.

`make load-table`: a server of known times on core 0, the client on core 1; engine and plain aiohttp in turn, three
times; each figure is the median of three. What the server used of its core, and how late it sent first tokens by its
own plan, stands beside it: a client cannot be judged by a server that is behind. On a machine that others use, too,
`FIFO=1` runs both with real-time priority (for root).
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "load.md"
RATES = (100, 200, 400, 600, 800)
SECONDS, REPEATS = 6, 3
KINDS = ("engine", "plain")
HEADING = (
    "requests/s",
    "TTFT error p50",
    "p99",
    "sent late p99",
    "core",
    "void",
    "the server's core",
    "it sent late p99",
    "plain aiohttp: p99",
    "sent late p99",
)


def pinned(core: int) -> list[str]:
    """What stands before a command so that it runs on one core."""
    fifo = ["chrt", "-f", "5"] if os.environ.get("FIFO") else []
    return [*fifo, "taskset", "-c", str(core)]


@contextmanager
def known_times(core: int | None = 0) -> Iterator[str]:
    """The server in a process of its own; its base URL."""
    with tempfile.TemporaryDirectory() as directory:
        ready = Path(directory) / "url"
        place = [] if core is None else pinned(core)
        process = subprocess.Popen([*place, sys.executable, str(HERE / "known_times.py"), str(ready)])
        try:
            until = time.monotonic() + 20
            while not ready.exists():
                assert time.monotonic() < until, "the server does not start"
                time.sleep(0.02)
            yield ready.read_text(encoding="utf-8").strip()
        finally:
            process.terminate()
            process.wait()


def measured(url: str, rate: float, seconds: float, kind: str, core: int | None = 1) -> dict[str, Any]:
    """One load; see `load_client.py`. `host_cpu_share` and `host_late_ms` are the server's own account."""
    before_s = _own(url)["cpu_s"]
    place = [] if core is None else pinned(core)
    command = [*place, sys.executable, str(HERE / "load_client.py"), url, str(rate), str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        [*command, *(["plain"] if kind == "plain" else [])], capture_output=True, text=True, check=True, env=environment
    )
    result: dict[str, Any] = json.loads(done.stdout)
    own = _own(url)
    return {**result, "host_cpu_share": (own["cpu_s"] - before_s) / seconds, "host_late_ms": own["late_ms"]}


def _own(url: str) -> dict[str, Any]:
    """What the server says of itself; see `known_times.py`."""
    with urllib.request.urlopen(f"{url}/known/own", timeout=10) as answer:  # noqa: S310 - our own server
        own: dict[str, Any] = json.load(answer)
    return own


def row(rate: int, runs: dict[str, list[dict[str, Any]]]) -> str:
    """One line of the table."""

    def middle(kind: str, key: str) -> float:
        return float(statistics.median(one[key] for one in runs[kind]))

    engine = runs["engine"]
    void = sum(bool(one["void"]) for one in engine)
    cells = [
        f"{rate}",
        *(f"{middle('engine', key):.2f} ms" for key in ("error_p50_ms", "error_p99_ms", "lag_p99_ms")),
        f"{100 * middle('engine', 'cpu_share'):.0f} %",
        f"{void} of {len(engine)}",
        f"{100 * middle('engine', 'host_cpu_share'):.0f} %",
        f"{middle('engine', 'host_late_ms'):.2f} ms",
        f"{middle('plain', 'error_p99_ms'):.2f} ms",
        f"{middle('plain', 'lag_p99_ms'):.2f} ms",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and write."""
    write([measured_row(rate) for rate in RATES])


def measured_row(rate: int) -> str:
    """Measure one rate; its line of the table."""
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for _ in range(REPEATS):
        for kind in KINDS:
            with known_times() as url:
                runs[kind].append(measured(url, rate, SECONDS, kind))
    line = row(rate, runs)
    sys.stderr.write(f"{line}\n")
    return line


def write(rows: list[str]) -> None:
    """Put the table into its page."""
    lines = [f"| {' | '.join(HEADING)} |", f"|{'---:|' * len(HEADING)}", *rows]
    text = PAGE.read_text(encoding="utf-8")
    block = "\n".join(["<!-- load -->", *lines, "<!-- /load -->"])
    PAGE.write_text(re.sub(r"<!-- load -->.*?<!-- /load -->", lambda _: block, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
