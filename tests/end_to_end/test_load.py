"""`hotswap replay --host` as a load test, against the twin behind HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.test_live import HOTSWAP, PATIENCE_S, PROJECT, hotswap, loaded, served_twin, until
from toolkit.replay.runfile import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = """
name: load
duration: 2s
arrivals: {kind: constant, rate: 30/s}
output_tokens: 5
prompts:
  - {model: "qwen2.5:7b", text: "tell me a story"}
"""


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a quick twin."""
    with served_twin(tmp_path_factory.mktemp("twin"), "--time-scale", "0.02") as (url, _):
        yield url


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Two seconds at thirty a second."""
    path = tmp_path / "load.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


@pytest.mark.parametrize("processes", [1, 2])
def test_an_open_load_by_one_process_and_by_two(processes: int, twin: str, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = hotswap(
        "replay", scenario, "--host", twin, "--strategy", "server-default", "--processes", processes,
        "--warmup", "500ms", "--num-ctx", 4096, "--no-store", "--json", "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (load,) = json.loads(done.stdout)["load"]
    assert (load["requests"], load["warmup"], load["outcomes"]) == (45, 15, [["ok", 45]])
    assert load["gap_s"]["count"] == 45 * 4
    assert load["client"]["cpu_share"] > 0
    run = read_run(out)
    by_moment = sorted(run.records, key=lambda record: record.intended_ns)
    assert [record.phase for record in by_moment] == ["warmup"] * 15 + ["measure"] * 45
    assert run.client is not None
    assert run.residency


def test_a_closed_load_for_a_time(twin: str, scenario: Path, tmp_path: Path) -> None:
    done = hotswap(
        "replay", scenario, "--host", twin, "--strategy", "server-default", "--users", 3, "--think", "100ms",
        "--duration", "1s", "--drain", "5s", "--num-ctx", 4096, "--no-store", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "closed loop of 3 users" in " ".join(done.stdout.split())
    assert "Load of server-default" in done.stdout
    run = read_run(tmp_path / "run")
    assert 3 <= len(run.records) < 60
    assert all(record.intended_ns < 1_000_000_000 for record in run.records)


def test_a_crew_that_is_interrupted_keeps_what_it_has(twin: str, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [*HOTSWAP, "replay", str(scenario), "--host", twin, "--strategy", "server-default", "--num-ctx", "4096"]
    options = ["--processes", "2", "--speed", "0.05", "--no-store", "--out", str(out)]
    client = subprocess.Popen([*command, *options], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    kept = out / "run.jsonl"
    until(lambda: kept.exists() and kept.read_text(encoding="utf-8").count('"ok"') >= 2, "no answer was kept")
    client.send_signal(signal.SIGINT)
    _, stderr = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 130, stderr.decode()
    assert b"Traceback" not in stderr
    run = read_run(out)
    assert not run.complete
    assert any(record.outcome == "ok" for record in run.records)
    assert loaded(twin) == {}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--deadline", "5s"], "are for a real host"),
        (["--think", "5s"], "give their number with --users"),
        (["--from", "1h"], "nothing begins between"),
        (["--warmup", "soon"], "Invalid value for '--warmup'"),
        (["--host", "{twin}", "--warmup", "5s", "--duration", "5s"], "nothing would be measured"),
        (["--host", "{twin}", "--strategy", "lru-unload", "--processes", "2"], "play it with one process"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    options: list[str], sentence: str, twin: str, scenario: Path, tmp_path: Path
) -> None:
    given = [option.format(twin=twin) for option in options]
    done = hotswap("replay", scenario, *given, "--no-store", "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert not (tmp_path / "run" / "run.jsonl").exists()
