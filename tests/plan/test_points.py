"""Finished points survive, whatever happens to the process."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.plan.tallies import tally
from toolkit.errors import UsageError
from toolkit.plan.points import PointFile

if TYPE_CHECKING:
    from pathlib import Path


def test_a_point_is_found_again_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "points.jsonl"
    with closing(PointFile(path)) as points:
        points.put("a", tally(90))
    with closing(PointFile(path)) as points:
        assert points.get("a") == tally(90)
        assert points.get("b") is None


def test_a_line_torn_by_a_kill_is_computed_again_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    with closing(PointFile(path)) as points:
        points.put("a", tally(90))
        points.put("b", tally(80))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with closing(PointFile(path)) as points:
        assert points.get("a") == tally(90)
        assert points.get("b") is None
        points.put("c", tally(70))
    with closing(PointFile(path)) as points:
        assert points.get("c") == tally(70)


def test_lines_that_are_not_ours_are_passed_by(tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    path.write_text('{"key": "a", "tally": {"requests": 1}}\nnonsense\n[]\n', encoding="utf-8")
    with closing(PointFile(path)) as points:
        assert points.get("a") is None


def test_a_file_that_cannot_be_written_is_said_before_anything_is_simulated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot keep finished points"):
        PointFile(tmp_path)
