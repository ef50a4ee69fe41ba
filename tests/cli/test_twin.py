"""`hotswap twin trace|check|explain`, as a user calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from toolkit.cli.twin import twin
from toolkit.errors import InputError

RULES = Path(__file__).resolve().parents[1] / "fixtures" / "sched" / "rules.jsonl"


def one_rule(tmp_path: Path, change: bool = False) -> Path:
    document = json.loads(RULES.read_text(encoding="utf-8").splitlines()[0])
    if change:
        document["expected"]["events"][0]["model"] = "z"
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(document) + "\n")
    return path


def test_trace_writes_one_line_a_scenario(tmp_path: Path) -> None:
    done = CliRunner().invoke(twin, ["trace", str(one_rule(tmp_path))], catch_exceptions=False)
    assert done.exit_code == 0
    [line] = done.output.splitlines()
    assert list(json.loads(line)) == ["id", "events", "final"]


def test_trace_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = CliRunner().invoke(twin, ["trace", str(RULES), "--out", str(out)], catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "")
    assert len(out.read_text().splitlines()) == 98


def test_trace_to_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        CliRunner().invoke(twin, ["trace", str(RULES), "--out", str(tmp_path / "no" / "where")], catch_exceptions=False)


def test_check_agrees(tmp_path: Path) -> None:
    done = CliRunner().invoke(twin, ["check", str(one_rule(tmp_path))], catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "1/1 scenarios agree\n")


@pytest.mark.parametrize("changed", [False, True])
def test_check_in_one_json_document(tmp_path: Path, changed: bool) -> None:
    done = CliRunner().invoke(
        twin, ["check", str(one_rule(tmp_path, change=changed)), "--json"], catch_exceptions=False
    )
    told = json.loads(done.stdout)
    assert (done.exit_code, told["scenarios"], told["agree"], len(told["differing"])) == (
        changed,
        1,
        1 - changed,
        changed,
    )


def test_check_differs(tmp_path: Path) -> None:
    done = CliRunner().invoke(twin, ["check", str(one_rule(tmp_path, change=True))], catch_exceptions=False)
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "0/1 scenarios agree"
    assert "model recorded 'z', twin 'a'" in done.output


def test_explain_tells_the_only_scenario(tmp_path: Path) -> None:
    done = CliRunner().invoke(twin, ["explain", str(one_rule(tmp_path))], catch_exceptions=False)
    assert done.exit_code == 0
    assert "Who was in memory when" in done.output


def test_explain_wants_to_know_which() -> None:
    with pytest.raises(InputError, match="name one with --scenario"):
        CliRunner().invoke(twin, ["explain", str(RULES)], catch_exceptions=False)
    done = CliRunner().invoke(twin, ["explain", str(RULES), "--scenario", "race_17408"], catch_exceptions=False)
    assert done.exit_code == 0


def test_bad_input_ends_with_2_and_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    program = "from toolkit.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "twin", "check", str(bad)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{bad}:1: ")
    assert len(done.stderr.splitlines()) == 1
