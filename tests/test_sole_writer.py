"""One process at a time writes to a file, and nobody has to clean up after one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.sole_writer import sole_writer

HOLDS = """\
import sys, pathlib
from toolkit.sole_writer import sole_writer
with sole_writer(pathlib.Path(sys.argv[1]), "--other", print):
    print("held", flush=True)
    sys.stdin.read()
"""


def never(text: str) -> None:
    pytest.fail(text)


def test_a_second_one_is_told_who_is_first_and_what_to_do(tmp_path: Path) -> None:
    path, link = tmp_path / "s.db", tmp_path / "link.db"
    link.symlink_to(path)
    with sole_writer(path, "--other", never):
        for name in (path, link):
            with pytest.raises(UsageError) as refused, sole_writer(name, "--other", never):
                pass
            assert str(refused.value) == (
                f"{name}: process {os.getpid()} writes to this file; stop that one, or name another file with --other"
            )
    with sole_writer(path, "--other", never):
        assert (tmp_path / "s.db.lock").exists()
    assert list(tmp_path.iterdir()) == [link]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {holder.pid}"), sole_writer(path, "--other", never):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with sole_writer(path, "--other", never):
        pass


def test_where_no_lock_can_be_made_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    with sole_writer(tmp_path / ("n" * 255), "--other", said.append):
        assert "File name too long), so nothing keeps others from writing" in said[0]
    with sole_writer(Path("/dev/null/no/trace.jsonl"), "--other", never):
        pass


def test_a_device_is_anybodys() -> None:
    with sole_writer(Path("/dev/null"), "--other", never), sole_writer(Path("/dev/null"), "--other", never):
        pass
