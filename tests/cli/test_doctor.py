"""`hotswap doctor` as a command: options, output, exit codes; and its live view as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner

from toolkit.cli.doctor import doctor
from toolkit.errors import UsageError
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.host.mock import mock_ollama
from toolkit.ops.doctor.checks import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

COMMAND = [sys.executable, "-c", "from toolkit.cli.main import main; main()", "doctor"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(doctor, [*arguments, "--quiet"], catch_exceptions=False)


def checks(text: str) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in json.loads(text)["checks"]}


def test_the_default_twin_has_nothing_wrong() -> None:
    with mock_ollama(time="real") as twin:
        result = run("--host", twin.url, "--watch-for", "0s", "--json")
    found = checks(result.stdout)
    assert list(found) == [check.id for check in CHECKS]
    assert {entry["status"] for entry in found.values()} <= {"ok", "skipped"}
    assert result.exit_code == 0


def test_a_failure_ends_with_1_and_a_warning_with_0(tmp_path: Path) -> None:
    config = tmp_path / "host.yaml"
    config.write_text("llm: {base_url: 'http://127.0.0.1:11434/v1'}\n", encoding="utf-8")
    with mock_ollama(time="real") as twin:
        warned = run("--config", str(config), "--watch-for", "0s", "--json")
        assert twin.url.startswith("http://127.0.0.1:11434")
    with mock_ollama(time="real", env={"OLLAMA_ORIGINS": "*"}) as twin:
        failed = run("--host", twin.url, "--watch-for", "0s")
    assert (checks(warned.stdout)["v1-keep-alive"]["status"], warned.exit_code) == ("warn", 0)
    assert failed.stdout.startswith("FAIL  Foreign web pages\n")
    assert failed.exit_code == 1


def test_a_host_that_is_not_there_is_a_finding_and_no_crash() -> None:
    result = run("--host", "http://127.0.0.1:1", "--json")
    assert checks(result.stdout)["reachable"]["status"] == "fail"
    assert result.exit_code == 1


def test_recorded_loads_are_taken_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "swap_matrix.csv"
    file.write_text("kind,to,file_bytes,load_duration_s\nload,b,4700000000,47\n", encoding="utf-8")
    with mock_ollama(time="real") as twin:
        result = run("--host", twin.url, "--watch-for", "0s", "--swaps", str(file), "--json")
    assert checks(result.stdout)["cold-loads"]["evidence"] == "b: 4.4 GiB in 47 s, 0.10 GB/s"


def test_gpus_can_be_named() -> None:
    with mock_ollama(time="real") as twin:
        result = run("--host", twin.url, "--watch-for", "0s", "--gpu", "24GiB", "--json")
    assert checks(result.stdout)["fit-together"]["status"] == "warn"


def test_a_probe_loads_and_unloads() -> None:
    with mock_ollama(time="real", time_scale=0.0) as twin:
        result = run("--host", twin.url, "--watch-for", "0s", "--probe", "--json")
        assert [load.model for load in twin.loads] == ["qwen2.5:7b"]
    assert "came after" in checks(result.stdout)["stuck-eviction"]["evidence"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--watch-for", "soon"], "--watch-for 'soon'"),
        (["--watch-for", "-3s"], "a time from 0s up"),
        (["--watch", "--json"], "no JSON document"),
        (["--watch", "--every", "0s"], "--every"),
        (["--host", "ftp://x"], "neither http nor https"),
    ],
)
def test_mistakes_are_named(arguments: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        run(*arguments)


async def test_watching_writes_lines_and_ends_well_with_ctrl_c() -> None:
    twin = assemble(TwinOptions(time_scale=0.0), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        options = ("--host", url, "--watch", "--every", "50ms", "--quiet")
        process = await asyncio.create_subprocess_exec(*COMMAND, *options, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        first = (await process.stdout.readline()).decode().strip()
        await client.post("/api/generate", json={"model": "qwen2.5:7b"})
        second = (await process.stdout.readline()).decode().strip()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert first.endswith("in memory: nothing")
    assert "qwen2.5:7b loaded, num_ctx 32768" in second
