"""Exports lose nothing, or say what they lose; what was exported can be imported."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import fields, replace
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.store.examples import LIVE, RUN
from tests.store.generated import RUNS
from toolkit.errors import InputError, UsageError
from toolkit.replay.records import RequestRecord, Run
from toolkit.replay.runfile import RUN_FILE, read_run, write_run
from toolkit.store import RunStore, open_store
from toolkit.store.exports import RECORD_FIELDS, export_csv, export_jsonl, export_parquet
from toolkit.store.imports import import_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[RunStore]:
    with open_store(folder / "one.db", {}) as store:
        yield store


@pytest.fixture(scope="module")
def other(folder: Path) -> Iterator[RunStore]:
    with open_store(folder / "other.db", {}) as store:
        yield store


def exported(store: RunStore, runs: list[Run], path: Path) -> list[str]:
    rows = list({row.id: row for row in map(store.add, runs)}.values())
    if path.suffix == ".parquet":
        export_parquet(store, rows, path)
    else:
        with path.open("w", encoding="utf-8") as file:
            export_jsonl(store, rows, file)
    return [row.id for row in rows]


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
@given(runs=st.lists(RUNS, min_size=1, max_size=2))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_any_runs_survive_export_and_import(
    store: RunStore, other: RunStore, folder: Path, name: str, runs: list[Run]
) -> None:
    ids = exported(store, runs, folder / name)
    imported = list(import_path(other, folder / name))
    assert [one.row.id for one in imported] == ids
    assert all(one.new for one in imported)
    assert not any(one.new for one in import_path(other, folder / name))
    for found in ids:
        assert other.load(found) == store.load(found)
        assert other.find(found).batch == store.find(found).batch
        store.remove(found)
        other.remove(found)


@given(run=RUNS)
@example(run=replace(RUN, records=(replace(RUN.records[0], reason="a\r", error='b\n"c",'),)))
@settings(max_examples=20)
def test_a_csv_has_every_field_of_every_record(store: RunStore, run: Run) -> None:
    file = StringIO(newline="")
    row = store.add(run)
    export_csv(store, [row], file)
    read = list(csv.DictReader(StringIO(file.getvalue(), newline="")))
    assert len(read) == len(run.records)
    for found, record in zip(read, run.records, strict=True):
        assert (found["run"], found["repetition"]) == (row.id, str(run.repetition))
        for name in RECORD_FIELDS:
            assert found[name] == _cell(getattr(record, name)), name
    store.remove(row.id)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_columns_are_the_fields() -> None:
    assert tuple(field.name for field in fields(RequestRecord)) == RECORD_FIELDS


def test_tags_travel_and_take_none_away(store: RunStore, other: RunStore, folder: Path) -> None:
    row = store.add(RUN)
    for tag in ("travels", "taken"):
        store.tag(row.id, tag)
    mine = other.add(replace(RUN, strategy="mine"))
    other.tag(mine.id, "taken")
    path = folder / "tags.jsonl"
    with path.open("w", encoding="utf-8") as file:
        export_jsonl(store, [store.find(row.id)], file)
    (imported,) = import_path(other, path)
    assert imported.row.tags == ("travels",)
    assert other.find("taken").id == mine.id


def test_a_run_that_was_cut_short_stays_so(store: RunStore, other: RunStore, folder: Path) -> None:
    recording = store.record("ram", 0, LIVE)
    recording.record(RUN.records[0])
    assert recording.close() is None
    path = folder / "cut.jsonl"
    with path.open("w", encoding="utf-8") as file:
        export_jsonl(store, [store.find(recording.run_id)], file)
    assert not read_run(path).complete
    (imported,) = import_path(other, path)
    assert (imported.row.id, imported.row.state) == (recording.run_id, "incomplete")


def test_a_directory_of_runs_is_one_batch(other: RunStore, tmp_path: Path) -> None:
    for repetition in range(3):
        write_run(replace(RUN, repetition=repetition, strategy="dir"), tmp_path / "runs" / str(repetition))
    rows = [one.row for one in import_path(other, tmp_path)]
    assert [row.id for row in other.repeats(rows[1].id)] == [row.id for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", "a,b", "a CSV has no provenance"),
        ("x.jsonl", "{}", "this is not a run"),
        ("x.parquet", "nonsense", "not a Parquet file that"),
        (RUN_FILE, "[]\n", "not a JSON object"),
        (RUN_FILE, '{"kind": "run", "schema": 1}\n', "not the first line of a run"),
    ],
)
def test_files_that_are_no_runs(other: RunStore, tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=says):
        list(import_path(other, tmp_path / name))


def test_a_directory_without_runs_is_refused(other: RunStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no run\.jsonl"):
        list(import_path(other, tmp_path))


def test_parquet_without_pyarrow_says_what_to_install(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"pip install 'hotswap-toolkit\[parquet\]', or --format csv"):
        export_parquet(store, [store.add(RUN)], tmp_path / "x.parquet")
