"""What `replay` imports before the first request of its scenario is sent: nothing that only a report needs."""

from __future__ import annotations

import queue
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.first_chat_host import FirstChatHost

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name: one
duration: 1s
arrivals: {kind: constant, rate: 1/s}
output_tokens: 5
prompts: [{text: hello, model: "qwen2.5:7b"}]
"""
TRACE = '{"at_s": 0, "model": "qwen2.5:7b", "prompt_tokens": 5, "output_tokens": 5}\n'
START = "from toolkit.cli.main import main; main()"
LATER = {
    "numpy", "scipy", "matplotlib", "rich", "httpx", "multiprocessing",
    "toolkit.fit", "toolkit.host", "toolkit.report", "toolkit.gateway", "toolkit.plan", "toolkit.measure",
    "toolkit.cache.policies.registry", "toolkit.cache.steering", "toolkit.replay.results",
    "toolkit.replay.load_summary",
}  # fmt: skip
WITHOUT_A_STORE = LATER | {"toolkit.store", "sqlite3"}
FOR_SCENARIOS = {"toolkit.workload.scenario", "toolkit.workload.traces.client_mix"}


def imported_before_the_first_chat(tmp_path: Path, *options: str) -> set[str]:
    """Names of modules and packages; what Python says it has imported (`-X importtime`) when the chat has come."""
    said: queue.Queue[str] = queue.Queue()
    with FirstChatHost(lambda: said.put(log.read_text(encoding="utf-8"))) as host:
        command = [sys.executable, "-X", "importtime", "-c", START, "replay", *options]
        log = tmp_path / "imports.txt"
        with log.open("w", encoding="utf-8") as stderr:
            command += ["--host", host.url, "--strategy", "ram", "--out", str(tmp_path / "out")]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr) as process:
                imported = said.get(timeout=60)
                process.kill()  # what comes after it is not looked at
    return set(re.findall(r"^import time: .*\| +(\S+)$", imported, re.MULTILINE))


@pytest.mark.parametrize(
    ("stored", "later"), [(["--no-store"], WITHOUT_A_STORE), (["--store", "runs.db"], LATER)], ids=["no-store", "store"]
)
@pytest.mark.parametrize("workload", ["scenario", "trace"])
def test_what_only_a_report_needs_is_not_imported_before_the_first_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workload: str, stored: list[str], later: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.yaml").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "one.jsonl").write_text(TRACE, encoding="utf-8")
    named = ["one.yaml"] if workload == "scenario" else ["--trace", "one.jsonl"]
    imported = imported_before_the_first_chat(tmp_path, *named, *stored)
    assert "aiohttp" in imported
    assert "toolkit.replay.engine" in imported
    assert imported & later == set()
    assert workload == "scenario" or imported & FOR_SCENARIOS == set()
