"""`--host`: the same commands against a host behind HTTP, which here is the twin, served on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from toolkit.replay.runfile import read_run
from toolkit.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).resolve().parents[2]
STORM = PROJECT / "scenarios" / "swap-storm.yaml"
HOTSWAP = [sys.executable, "-c", "from toolkit.cli.main import main; main()"]
PATIENCE_S = 60.0
QUICK = ["--limit", "5", "--speed", "50", "--num-ctx", "4096"]


def hotswap(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*HOTSWAP, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=PATIENCE_S)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@contextmanager
def served_twin(directory: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A twin on a free port; its base URL and its process."""
    ready = directory / "ready"
    command = [*HOTSWAP, "twin", "serve", "--port", "0", "--ready-file", str(ready), *options]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: ready.exists() and bool(ready.read_text(encoding="utf-8").strip()), "the twin does not start")
        yield ready.read_text(encoding="utf-8").split("\n")[0].strip(), process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def quick_config(directory: Path) -> str:
    """A config whose host has a GPU of 24 GiB that frees its memory at once: a server waits for others by the clock."""
    file = directory / "quick.yaml"
    file.write_text("twin: {gpus: [{name: quick, memory: 24GiB, integrated: true}]}\n", encoding="utf-8")
    return str(file)


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[str]:
    """The base URL of a quick twin."""
    with served_twin(tmp_path, "--config", quick_config(tmp_path), "--time-scale", "0.02") as (url, _):
        yield url


def loaded(url: str) -> dict[str, int]:
    """What is in memory, by name, with its context."""
    rows: list[dict[str, Any]] = httpx.get(f"{url}/api/ps", trust_env=False).json()["models"]
    return {row["name"]: row["context_length"] for row in rows}


def test_compare_plays_on_a_host_and_leaves_it_as_it_was(twin: str, tmp_path: Path) -> None:
    body = {"model": "qwen2.5:7b", "keep_alive": "20m", "options": {"num_ctx": 8192}, "stream": False}
    httpx.post(f"{twin}/api/generate", json=body, trust_env=False, timeout=30).raise_for_status()
    done = hotswap(
        "compare", STORM, *QUICK, "--host", twin, "--strategies", "none,lru-unload", "--json", "--out", tmp_path
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["provenance"]["host"] == twin
    for one in result["strategies"].values():
        assert (one["requests"], one["answered"]) == (5, 5)
    assert result["strategies"]["lru-unload"]["swaps"] >= 3
    assert loaded(twin) == {"qwen2.5:7b": 8192}
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert runs == ["lru-unload-1", "none-1"]
    assert len(read_run(tmp_path / "runs" / "none-1").records) == 5


def test_an_earlier_measurement_is_never_overwritten(twin: str, tmp_path: Path) -> None:
    arguments = ["replay", STORM, *QUICK, "--host", twin, "--out", tmp_path]
    assert hotswap(*arguments).returncode == 0
    kept = (tmp_path / "run.jsonl").read_bytes()
    again = hotswap(*arguments)
    assert again.returncode == 2
    assert "earlier measurement" in again.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == kept


def test_a_model_that_the_host_lacks_ends_before_anything_is_touched(twin: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("llm:\n  models:\n    primary: unheard-of:1b\n", encoding="utf-8")
    done = hotswap("compare", STORM, *QUICK, "--config", config, "--host", twin, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "unheard-of:1b" in done.stderr
    assert "ollama pull" in done.stderr
    assert loaded(twin) == {}


def test_a_host_that_dies_in_mid_run_leaves_what_was_measured(tmp_path: Path) -> None:
    with served_twin(tmp_path, "--time-scale", "0.02") as (url, process):
        command = [
            *HOTSWAP,
            "compare",
            str(STORM),
            "--limit",
            "40",
            "--speed",
            "20",
            "--num-ctx",
            "4096",
            "--host",
            url,
        ]
        options = ["--strategies", "none", "--out", str(tmp_path / "out")]
        client = subprocess.Popen([*command, *options], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run = tmp_path / "out" / "runs" / "none-1" / "run.jsonl"
        until(lambda: run.exists() and run.read_text(encoding="utf-8").count('"ok"') >= 3, "no answer was kept")
        process.send_signal(signal.SIGKILL)
        stdout, stderr = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 1, stderr.decode()
    assert b"went away in the middle" in stderr
    assert b"Traceback" not in stderr
    assert b"cut short" in stdout
    kept = read_run(run)
    assert not kept.complete
    assert sum(record.outcome == "ok" for record in kept.records) >= 3
    assert (tmp_path / "out" / "index.html").exists()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_an_interrupted_run_is_kept_and_the_host_is_put_back(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    with served_twin(tmp_path, "--time-scale", "0.02") as (url, _):
        command = [
            *HOTSWAP,
            "compare",
            str(STORM),
            "--limit",
            "40",
            "--speed",
            "20",
            "--num-ctx",
            "4096",
            "--host",
            url,
        ]
        options = ["--strategies", "ram", "--out", str(tmp_path / "out")]
        client = subprocess.Popen([*command, *options], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run = tmp_path / "out" / "runs" / "ram-1" / "run.jsonl"
        until(lambda: run.exists() and run.read_text(encoding="utf-8").count('"ok"') >= 2, "no answer was kept")
        client.send_signal(sent)
        _, stderr = client.communicate(timeout=PATIENCE_S)
        assert client.returncode == code, stderr.decode()
        assert b"Traceback" not in stderr
        assert loaded(url) == {}
    kept = read_run(run)
    assert not kept.complete
    assert any(record.outcome == "ok" for record in kept.records)


def test_replay_keeps_the_run_of_a_host(twin: str, tmp_path: Path) -> None:
    done = hotswap("replay", STORM, *QUICK, "--host", twin, "--strategy", "ssd", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    run = read_run(tmp_path / "run")
    assert (run.strategy, run.complete, len(run.records)) == ("ssd", True, 5)
    assert run.provenance.started_at is not None
    assert all(record.queue_ns is None for record in run.records)


def test_a_client_that_is_killed_leaves_a_run_in_the_store(tmp_path: Path) -> None:
    """SIGKILL, which no program can prepare for: what was measured is found, marked incomplete."""
    store_file = tmp_path / "runs.db"
    with served_twin(tmp_path, "--time-scale", "0.02") as (url, _):
        arguments = ["--limit", "40", "--speed", "20", "--num-ctx", "4096", "--host", url, "--store", store_file]
        command = [*HOTSWAP, "replay", str(STORM), "--strategy", "ram", "--out", str(tmp_path / "out")]
        client = subprocess.Popen([*command, *map(str, arguments)], cwd=PROJECT, stderr=subprocess.DEVNULL)
        with open_store(store_file) as store:
            until(lambda: any(row.record_count >= 2 for row in store.runs()), "nothing was stored")
            assert store.find("latest").state == "recording"
        client.kill()
        client.wait(PATIENCE_S)
    with open_store(store_file) as store:
        row = store.find("latest")
        assert (row.state, row.provenance.host) == ("incomplete", url)
        kept = store.load(row.id)
    whole = read_run(tmp_path / "out")
    assert kept.records == whole.records[: len(kept.records)]
    assert len(kept.records) >= 2
