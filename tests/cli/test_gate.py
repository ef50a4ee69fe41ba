"""`hotswap gate` as a user types it: exit codes, the table, the files it writes, what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.errors import HotswapError

GOLDEN = Path(__file__).resolve().parents[1] / "fixtures" / "gate"


@dataclass(frozen=True, slots=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def hotswap(*arguments: str, cwd: Path, **environment: str) -> Done:
    """Run the command in this process, which spares its start; errors become codes as in `main`."""
    outer = {"GITHUB_STEP_SUMMARY": None, **environment}
    with contextlib.chdir(cwd):
        result = CliRunner().invoke(cli, ["gate", *arguments], env=outer, standalone_mode=False)
    if isinstance(result.exception, HotswapError):
        return Done(result.exception.exit_code, result.stdout, f"{result.stderr}{result.exception}")
    if result.exception is not None:
        raise result.exception
    return Done(int(result.return_value), result.stdout, result.stderr)


def test_the_program_itself_ends_with_the_code(sides: Path) -> None:
    code = "from toolkit.cli.main import main; main()"
    command = [sys.executable, "-c", code, "gate", "base.txt", "worse.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sides)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == hotswap("base.txt", "worse.txt", cwd=sides).stdout


def go_text(seed: int, factor: float, count: int = 60) -> str:
    rng = np.random.default_rng(seed)
    times, rates = 1e6 * factor * np.exp(rng.normal(0, 0.02, count)), 80 * np.exp(rng.normal(0, 0.002, count))
    pairs = zip(times, rates, strict=True)
    lines = "".join(f"BenchmarkLoad/model=m 1 {time:.0f} ns/op {rate:.4f} token/sec\n" for time, rate in pairs)
    return f"goos: linux\ncommit: {seed}\n{lines}"


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    for name, seed, factor in (("base", 1, 1.0), ("worse", 2, 1.1), ("same", 3, 1.0)):
        (tmp_path / f"{name}.txt").write_text(go_text(seed, factor))
    (tmp_path / "few.txt").write_text(go_text(4, 1.0, count=5))
    return tmp_path


@pytest.mark.parametrize(
    ("new", "code", "verdict"), [("worse", 1, "regression"), ("same", 0, "pass"), ("few", 3, "inconclusive")]
)
def test_the_exit_code_says_the_verdict(sides: Path, new: str, code: int, verdict: str) -> None:
    done = hotswap("base.txt", f"{new}.txt", "--json", cwd=sides)
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"], done.stderr) == (code, verdict, "")
    for metric in document["metrics"].values():
        assert {"verdict", "base", "new", "change", "ci", "p"} <= metric.keys()
        assert metric["ci"] is None or metric["ci"][0] <= metric["change"] <= metric["ci"][1]


def test_table_summary_and_junit_are_as_they_were(sides: Path) -> None:
    """Renew with RENEW=1; beside the golden files, each must say the same as the JSON."""
    files = ("--junit", "gate.xml", "--summary", "gate.md", "--benchstat", "gate.txt")
    done = hotswap("base.txt", "worse.txt", *files, cwd=sides)
    metrics = json.loads(hotswap("base.txt", "worse.txt", "--json", cwd=sides).stdout)["metrics"]
    written = {
        "table.txt": done.stdout,
        "junit.xml": (sides / "gate.xml").read_text(),
        "summary.md": (sides / "gate.md").read_text(),
    }
    for name, text in written.items():
        if os.environ.get("RENEW"):
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / name).write_text(text)
        assert text == (GOLDEN / name).read_text(), name
        change = metrics["BenchmarkLoad/model=m ns/op"]["change"]
        assert f"{change * 100:+.1f} %" in text
    suite = ET.fromstring(written["junit.xml"])  # noqa: S314 - our own output
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == [name for name, metric in metrics.items() if metric["verdict"] == "worse"]
    assert suite.get("failures") == str(len(failed))
    assert written["summary.md"].count("\n| Benchmark") == len(metrics)


def test_the_page_shows_a_real_table() -> None:
    page = (GOLDEN.parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
    lines = (GOLDEN / "table.txt").read_text(encoding="utf-8").rstrip().split("\n")
    assert "".join(f"    {line}\n" if line else "\n" for line in lines) in page


def test_what_benchstat_reads_has_every_sample_again(sides: Path) -> None:
    hotswap("base.txt", "worse.txt", "--benchstat", "gate.txt", cwd=sides)
    before, after = (sides / "gate.txt").read_text().split("side: new")
    (sides / "again-base.txt").write_text(before)
    (sides / "again-new.txt").write_text(after)
    first = json.loads(hotswap("base.txt", "worse.txt", "--json", cwd=sides).stdout)["metrics"]
    again = json.loads(hotswap("again-base.txt", "again-new.txt", "--json", cwd=sides).stdout)["metrics"]
    assert again == first


def test_the_job_summary_of_github_is_appended_to(sides: Path) -> None:
    (sides / "step.md").write_text("# before\n")
    hotswap("base.txt", "same.txt", cwd=sides, GITHUB_STEP_SUMMARY="step.md")
    assert (sides / "step.md").read_text().startswith("# before\n## hotswap gate\n")


def test_a_baseline_stands_for_the_base(sides: Path) -> None:
    given = hotswap("worse.txt", "--baseline", "base.txt", "--json", cwd=sides)
    assert given.stdout == hotswap("base.txt", "worse.txt", "--json", cwd=sides).stdout


def test_a_plan_says_how_many_samples_are_needed(sides: Path) -> None:
    done = hotswap("base.txt", "--plan", "--json", cwd=sides)
    assert done.returncode == 0
    needed = json.loads(done.stdout)["metrics"]["BenchmarkLoad/model=m ns/op"]
    assert (needed["change"], 6 <= needed["to_see"] < needed["to_clear"]) == (0.05, True)


def test_a_floor_makes_small_changes_the_same(sides: Path) -> None:
    done = hotswap("base.txt", "worse.txt", "--effect", "0.3", "--json", cwd=sides)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "pass")


def test_metrics_are_chosen(sides: Path) -> None:
    done = hotswap("base.txt", "worse.txt", "--metric", "token/sec", cwd=sides)
    assert (done.returncode, "ns/op" in done.stdout) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("base.txt",), "BASE and NEW must be given, not 1"),
        (("base.txt", "no.txt"), "no.txt: there is no such file"),
        (("base.txt", "worse.txt", "--set", "nope=1"), "--set nope: unknown key"),
        (("base.txt", "other.txt"), "goos: linux against darwin"),
        (("base.txt", "worse.txt", "--slo", "ttft"), "--slo ttft: write ttft=2s"),
        (("base.txt", "worse.txt", "--rerun", "x", "--budget", "10"), "--budget 10: the unit is missing"),
        (("base.txt", "few.txt", "--rerun", "true"), "wrote nothing to {out}"),
        (("base.txt", "worse.txt", "--metric", "tps"), "has no such benchmark"),
        (("--history", "base.txt"), "a history needs at least 6 runs, there are 1"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(sides: Path, arguments: tuple[str, ...], sentence: str) -> None:
    (sides / "other.txt").write_text(go_text(5, 1.0).replace("linux", "darwin"))
    done = hotswap(*arguments, cwd=sides)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_a_rerun_that_fails_is_said_and_is_no_regression(sides: Path) -> None:
    done = hotswap("base.txt", "few.txt", "--rerun", "exit 7", cwd=sides)
    assert done.returncode == 2
    assert "exit 7 ended with 7" in done.stderr


def test_more_is_measured_until_it_is_decided(sides: Path) -> None:
    """Five samples decide nothing; the command adds more to both sides, and then it is a regression."""
    (sides / "more-base.txt").write_text(go_text(7, 1.0))
    (sides / "more-new.txt").write_text(go_text(8, 1.2))
    (sides / "few-new.txt").write_text(go_text(9, 1.2, count=5))
    done = hotswap("few.txt", "few-new.txt", "--rerun", "cp more-{side}.txt {out}", "--json", "--quiet", cwd=sides)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert document["metrics"]["BenchmarkLoad/model=m ns/op"]["samples"] == [65, 65]


def test_history_finds_the_run(tmp_path: Path) -> None:
    for number in range(24):
        (tmp_path / f"run{number}.txt").write_text(go_text(number, 1.0 if number < 14 else 1.1))
    done = hotswap("--history", ".", "--json", cwd=tmp_path)
    (change,) = json.loads(done.stdout)["changes"]
    assert (done.returncode, change["run"], change["verdict"]) == (0, "run14.txt", "worse")
    assert change["change"] == pytest.approx(0.1, abs=0.01)
    table = hotswap("--history", ".", cwd=tmp_path).stdout
    assert "run14.txt" in table.splitlines()[-1]


def test_no_metric_changes_in_a_history_of_the_same(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"run{number}.txt").write_text(go_text(number, 1.0))
    assert "no change in BenchmarkLoad/model=m ns/op" in hotswap("--history", ".", cwd=tmp_path).stdout


def test_a_history_that_can_show_nothing_says_so(tmp_path: Path) -> None:
    """Six runs with a clear step: no order of six is rare enough, and that is no `no change`."""
    for number in range(6):
        (tmp_path / f"run{number}.txt").write_text(go_text(number, 1.0 if number < 3 else 2.0))
    done = hotswap("--history", ".", cwd=tmp_path)
    assert done.returncode == 3
    assert "at least 12 are needed" in done.stderr


@pytest.mark.parametrize("option", ["--junit", "--summary", "--benchstat"])
def test_a_file_that_cannot_be_written_is_no_regression(sides: Path, option: str) -> None:
    done = hotswap("base.txt", "base.txt", option, "none/x", cwd=sides)
    assert done.returncode == 2
    assert "none/x: cannot be written (No such file or directory)" in done.stderr
