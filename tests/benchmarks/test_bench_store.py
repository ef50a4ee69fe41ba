"""How fast runs are stored and read, and the memory that a million records take."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tests.store.examples import LIVE, RUN
from tests.store.many_records import records
from toolkit.replay.samples import collect
from toolkit.store import open_store

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PROJECT = Path(__file__).resolve().parents[2]
RECORDS = 5_000
MILLION = 1_000_000
FEW = 2_000
MOST_MIB = 1024


def test_adding_a_run(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A finished run of 5,000 records with 33 pieces each, in one transaction."""
    run = replace(RUN, records=tuple(records(RECORDS, 33)))
    numbers = count()
    with open_store(tmp_path / "runs.db", {}) as store:
        benchmark.pedantic(lambda: store.add(replace(run, repetition=next(numbers))), rounds=5)


def test_reading_and_summarising_a_run(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The same run, read record by record and taken to numbers."""
    with open_store(tmp_path / "runs.db", {}) as store:
        row = store.add(replace(RUN, records=tuple(records(RECORDS, 33))))
        samples = benchmark.pedantic(lambda: collect(store.records(row.id)), rounds=5)
    assert samples.requests == RECORDS


def test_handing_a_record_to_the_store(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """What the load engine pays for each record: a place in a queue."""
    record = next(records(1, 33))
    with open_store(tmp_path / "runs.db", {}) as store:
        recording = store.record("ram", 0, LIVE)
        benchmark.pedantic(recording.record, (record,), rounds=2000)
        recording.end(0, complete=True)
        assert recording.close() is None


def test_a_million_records_within_a_gibibyte(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Stored as a run that is played, read back and summarised, in a process of its own; takes minutes.

    Where benchmarks are switched off, a few records show that it works.
    """
    number = MILLION if benchmark.enabled else FEW
    command = [sys.executable, "-m", "tests.store.many_records", str(tmp_path / "runs.db"), str(number), "33"]
    done = benchmark.pedantic(
        lambda: subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT), rounds=1
    )
    result = json.loads(done.stdout)
    assert result["count"] == number
    assert result["peak_mib"] < MOST_MIB
    benchmark.extra_info.update(result)
