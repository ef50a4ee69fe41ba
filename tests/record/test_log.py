"""The trace file: added to, mended, never somebody else's, and no reason to stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.record.log import TraceLog
from toolkit.workload.traces.logged import LoggedRequest, line_of

FULL = Path("/dev/full")
ROW = LoggedRequest(at_ns=1, model="m", prompt_tokens=1, output_tokens=1)


def test_recordings_add_to_what_is_there_and_lines_are_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for number in (1, 2):
        with TraceLog(path) as log:
            log.append(ROW)
            assert path.read_bytes() == line_of(ROW) * number
            assert (log.note, log.written, log.lost) == (None, 1, 0)


@pytest.mark.parametrize("half", [b'{"at_ns":7,"mod', b'{"at_ns":7,"text":"' + b" " * 200_000])
def test_half_a_line_is_cut_off_and_said(tmp_path: Path, half: bytes) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(line_of(ROW) + half)
    with TraceLog(path) as log:
        assert log.note == f"{path} ended in the middle of a line, which was cut off"
        log.append(ROW)
    assert path.read_bytes() == line_of(ROW) * 2


def test_a_last_line_without_its_end_is_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"at_s":7}')
    with TraceLog(path) as log:
        log.append(ROW)
        assert log.note is None
    assert path.read_bytes() == b'{"at_s":7}\n' + line_of(ROW)


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes", encoding="utf-8")
    with pytest.raises(UsageError, match=r"holds something else than a trace of this kind; give another --out"):
        TraceLog(path)
    assert path.read_text(encoding="utf-8") == "my notes"
    with pytest.raises(UsageError, match=r"cannot write .* \(Is a directory\)"):
        TraceLog(tmp_path)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    with TraceLog(FULL) as log:
        log.append(ROW)
        assert (log.written, log.lost, log.trouble) == (0, 1, "No space left on device")


def test_a_file_that_is_rotated_while_it_is_written_is_followed_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with TraceLog(path) as log:
        log.append(ROW)
        path.rename(tmp_path / "t.jsonl.1")
        log.append(ROW)
        log.append(ROW)
        path.unlink()
        log.append(ROW)
        assert (log.written, log.lost) == (4, 0)
    assert (tmp_path / "t.jsonl.1").read_bytes() == path.read_bytes() == line_of(ROW)
