"""SIGKILL at any moment: the store opens, and what was committed is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from operator import add
from pathlib import Path

import pytest

from tests.store.examples import LIVE, RECORD
from toolkit.store import open_store

PROJECT = Path(__file__).resolve().parents[2]

SECONDS_LOST = 1.0
TIMED_WRITER = """
import sys, time
from pathlib import Path
from dataclasses import replace
from tests.store.examples import LIVE, RECORD
from toolkit.store import open_store
with open_store(Path(sys.argv[1])) as store:
    recording = store.record("ram", 0, LIVE)
    for _ in range(100_000):
        now_ns = time.monotonic_ns()
        recording.record(replace(RECORD, intended_ns=now_ns))
        print(now_ns, flush=True)
        time.sleep(0.002)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_kills_at_random_points_never_leave_a_store_that_does_not_open(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.store.killed_writers", str(tmp_path / "runs.db"), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["kills"], result["broken"]) == (50, 0)
    assert "incomplete" in result["states"]
    assert "recording" not in result["states"]
    assert max(result["kept"]) > 0


def test_a_kill_loses_less_than_the_last_second(tmp_path: Path) -> None:
    """Records are stamped with the clock of the machine, so that both processes mean the same second."""
    path = tmp_path / "runs.db"
    command = [sys.executable, "-c", TIMED_WRITER, str(path)]
    writer = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    first_ns = int(writer.stdout.readline())
    for line in writer.stdout:
        if int(line) - first_ns > 1.7e9:
            break
    writer.send_signal(signal.SIGKILL)
    killed_ns = time.monotonic_ns()
    writer.wait(30)
    writer.stdout.close()
    with open_store(path) as store:
        assert store.find("latest").state == "incomplete"
        stamps = [record.intended_ns for record in store.records("latest")]
    assert stamps[0] == first_ns
    assert killed_ns - stamps[-1] < SECONDS_LOST * 1e9


def test_a_run_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    with open_store(tmp_path / "runs.db") as mine:
        recording = mine.record("ram", 0, LIVE)
        recording.record(RECORD)
        with open_store(tmp_path / "runs.db") as others:
            assert others.find("latest").state == "recording"
        recording.end(9, complete=True)
        assert recording.close() is None
        assert mine.find("latest").state == "complete"


def test_a_writer_on_another_machine_is_believed_until_it_is_silent(tmp_path: Path) -> None:
    """Whether a process of another machine lives nobody here can ask; its silence tells."""
    now_ns = 10**18
    with open_store(tmp_path / "runs.db", clock_ns=lambda: now_ns) as store:
        recording = store.record("ram", 0, LIVE)
        assert recording.close() is None
        store._connection.execute("UPDATE runs SET state = 'recording', writer_host = 'elsewhere'")
    for silent_s, state in ((20, "recording"), (40, "incomplete")):
        with open_store(tmp_path / "runs.db", clock_ns=partial(add, now_ns, silent_s * 10**9)) as store:
            assert store.find("latest").state == state
