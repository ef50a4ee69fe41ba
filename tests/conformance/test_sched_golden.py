"""The twin does what the real scheduler was recorded doing: every event, every field, every nanosecond."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.host.trace.check import check_file, describe, recorded_outcomes
from toolkit.host.trace.play import play
from toolkit.host.trace.scenario import read_lines

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "sched"
FILES = ("rules", "random_a", "random_b", "random_c", "nondeterministic")
COUNTS = {"rules": 98, "random_a": 130, "random_b": 128, "random_c": 117, "nondeterministic": 15}


@pytest.mark.parametrize("name", FILES)
def test_the_bundled_recordings_agree(name: str) -> None:
    """All 98 hand-made rules and a few random scenarios of each tier travel with the project."""
    different = [describe(verdict) for verdict in check_file(FIXTURES / f"{name}.jsonl") if not verdict.agrees]
    assert not different, "\n\n".join(different)


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_the_whole_corpus_agrees(name: str, shared_dir: Path) -> None:
    verdicts = list(check_file(shared_dir / "ollama" / "golden" / "sched" / f"{name}.jsonl"))
    assert len(verdicts) == COUNTS[name]
    different = [describe(verdict) for verdict in verdicts if not verdict.agrees]
    assert not different, "\n\n".join(different)


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_a_second_witness_agrees(name: str, shared_dir: Path, tmp_path: Path) -> None:
    """The comparer beside the recordings, which shares no line with ours, finds every scenario exact."""
    recordings = shared_dir / "ollama" / "golden" / "sched" / f"{name}.jsonl"
    traced = tmp_path / "twin.jsonl"
    with traced.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(play(line.scenario)) + "\n" for line in read_lines(recordings))
    comparer = shared_dir / "tools" / "sched_diff.py"
    done = subprocess.run(
        [sys.executable, str(comparer), str(recordings), str(traced)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith(f"{COUNTS[name]}/{COUNTS[name]} exact")


@pytest.mark.parametrize("name", FILES)
def test_what_is_expected_has_no_influence(name: str, tmp_path: Path) -> None:
    """Without `expected`, and without its order of keys, the twin does the same."""
    stripped = tmp_path / "stripped.jsonl"
    lines = list(read_lines(FIXTURES / f"{name}.jsonl"))
    hidden = ("expected", "alternatives", "deterministic", "variants", "runs", "description")
    with stripped.open("w", encoding="utf-8") as file:
        for line in lines:
            bare = {key: value for key, value in line.document.items() if key not in hidden}
            file.write(json.dumps(bare, sort_keys=True) + "\n")
    for line, bare_line in zip(lines, read_lines(stripped), strict=True):
        assert play(line.scenario) == play(bare_line.scenario)


def test_a_wrong_recording_is_found_out() -> None:
    """The comparison can fail: change any single field of a recording and it does not agree any more."""
    line = next(read_lines(FIXTURES / "rules.jsonl"))
    outcome = play(line.scenario)
    [(events, final)] = recorded_outcomes(line)
    assert (outcome["events"], outcome["final"]) == (events, final)
    for index, event in enumerate(events):
        for key in event:
            changed = [dict(other) for other in events]
            changed[index][key] = "something else"
            assert changed != outcome["events"], (index, key)
