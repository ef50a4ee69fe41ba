"""The store: what goes in comes out, and each run is found again."""

from __future__ import annotations

import sqlite3
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.store.examples import HEALTH, LIVE, PROVENANCE, RECORD, RUN, SPAN, STREAMED
from tests.store.generated import RUNS
from toolkit.errors import UsageError
from toolkit.replay.records import RequestRecord, ResidencySpan, Run
from toolkit.store import RunStore, StoreError, open_store, store_path
from toolkit.store.codec import PACKED, RECORD_COLUMNS, SPAN_COLUMNS
from toolkit.store.identity import run_id

if TYPE_CHECKING:
    from collections.abc import Iterator


def opened(path: Path) -> RunStore:
    """A store on a clock that ticks once a look."""
    ticks = count(1)
    return open_store(path, {}, clock_ns=lambda: next(ticks))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with opened(tmp_path / "deep" / "runs.db") as store:
        yield store


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    with opened(tmp_path_factory.mktemp("store") / "runs.db") as store:
        yield store


@given(run=RUNS)
@settings(max_examples=60)
def test_any_run_comes_back_as_it_was(shared_store: RunStore, run: Run) -> None:
    row = shared_store.add(run)
    assert shared_store.load(row.id) == run
    assert tuple(shared_store.records(row.id)) == run.records
    assert (row.provenance, row.client, row.record_count) == (run.provenance, run.client, len(run.records))
    known = len(shared_store.runs())
    assert shared_store.add(run) == row
    assert len(shared_store.runs()) == known
    shared_store.remove(row.id)


def test_where_the_store_is() -> None:
    assert store_path(Path("a.db"), {"HOTSWAP_STORE": "b.db"}) == Path("a.db")
    assert store_path(None, {"HOTSWAP_STORE": "b.db"}) == Path("b.db")
    assert store_path(None, {"HOTSWAP_STORE": ""}) == store_path(None, {}) == Path("reports/runs.db")


def test_every_field_has_a_column_or_a_table() -> None:
    """One that has none is kept as JSON all the same; whoever adds a field adds a migration, and this reminds them."""
    assert {field.name for field in fields(RequestRecord)} == {*RECORD_COLUMNS, PACKED}
    assert tuple(field.name for field in fields(ResidencySpan)) == SPAN_COLUMNS


def test_the_same_simulation_is_one_run_and_another_outcome_is_another(store: RunStore) -> None:
    store.add(RUN)
    store.add(RUN)
    store.add(replace(RUN, end_ns=21))
    assert len(store.runs()) == 2


def test_a_run_on_a_host_is_named_by_its_beginning() -> None:
    live = replace(RUN, provenance=LIVE)
    assert run_id(live) == run_id(replace(live, records=(), complete=False))
    assert run_id(live) != run_id(replace(live, repetition=0))


def test_a_copy_that_was_cut_short_is_replaced_by_the_whole_one_and_keeps_its_tags(store: RunStore) -> None:
    whole = replace(RUN, provenance=LIVE)
    row = store.add(replace(whole, records=whole.records[:1], complete=False))
    store.tag(row.id, "nightly")
    assert store.add(whole).tags == ("nightly",)
    assert store.load("nightly") == whole
    assert store.add(replace(whole, records=(), complete=False)).state == "complete"


def test_runs_are_found_by_id_its_beginning_tag_and_latest(store: RunStore) -> None:
    first = store.add(RUN)
    second = store.add(replace(RUN, strategy="ssd"))
    store.tag(first.id, "before/v0.31")
    refs = (first.id, first.id[:4], "before/v0.31")
    assert {store.find(ref).id for ref in refs} == {first.id}
    assert store.find("latest").id == second.id
    assert [row.id for row in store.runs()] == [second.id, first.id]


def test_a_tag_names_one_run_and_can_be_moved_and_taken_away(store: RunStore) -> None:
    first, second = store.add(RUN), store.add(replace(RUN, strategy="ssd"))
    assert store.tag(first.id, "main").tags == ("main",)
    assert store.tag(second.id, "main").tags == ("main",)
    assert store.find(first.id).tags == ()
    store.untag("main")
    assert store.find(second.id).tags == ()
    with pytest.raises(UsageError, match="there is no tag 'main'"):
        store.untag("main")


@pytest.mark.parametrize("name", ["", "a b", "-x", "latest", "beef", "0123456789ab", "x" * 65, "ä"])
def test_a_tag_that_could_be_something_else_is_refused(store: RunStore, name: str) -> None:
    row = store.add(RUN)
    with pytest.raises(UsageError, match="tag "):
        store.tag(row.id, name)


def test_what_names_no_run_is_told_with_what_is_near(store: RunStore) -> None:
    with pytest.raises(UsageError, match="there are no runs yet"):
        store.find("latest")
    row = store.add(RUN)
    store.tag(row.id, "nightly")
    with pytest.raises(UsageError, match=r"no run 'nigthly'.*did you mean 'nightly'"):
        store.find("nigthly")
    with pytest.raises(UsageError, match=r"its id \(at least 4 characters\)"):
        store.find(row.id[:3])


def test_the_beginning_of_several_ids_is_refused(store: RunStore) -> None:
    store.add(RUN)
    store.add(replace(RUN, strategy="ssd"))
    with sqlite3.connect(store.path) as raw:
        raw.execute("UPDATE runs SET id = 'beef' || key || substr(id, 6)")
    raw.close()
    assert store.find("beef1").strategy == "ram"
    with pytest.raises(UsageError, match=r"2 runs begin with 'beef' .*; write more characters"):
        store.find("beef")


def test_repeats_are_of_one_call_and_strategy(store: RunStore) -> None:
    first = store.add(replace(RUN, repetition=0))
    others = [
        store.add(replace(RUN, repetition=repetition, strategy=strategy), batch=first.batch)
        for repetition, strategy in ((0, "ssd"), (1, "ram"), (1, "ssd"))
    ]
    store.add(replace(RUN, repetition=1, end_ns=7))
    assert [row.id for row in store.repeats(first.id)] == [first.id, others[1].id]
    assert [row.id for row in store.batch(others[2].id)] == [first.id, *(row.id for row in others)]


def test_what_is_removed_is_gone_with_all_that_belongs_to_it(store: RunStore) -> None:
    row, kept = store.add(RUN), store.add(replace(RUN, strategy="ssd"))
    store.tag(row.id, "main")
    assert store.remove("main").id == row.id
    with sqlite3.connect(store.path) as raw:
        counts = {
            table: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names from here
            for table in ("runs", "records", "samples", "residency", "tags")
        }
    raw.close()
    assert counts == {"runs": 1, "records": 2, "samples": 1, "residency": 1, "tags": 0}
    assert store.load(kept.id).strategy == "ssd"


def test_what_a_server_made_up_is_stored_all_the_same(store: RunStore) -> None:
    odd = replace(RECORD, error="\ud800 and \0", prompt_tokens=1 << 70)
    kept = store.load(store.add(replace(RUN, records=(odd,))).id).records[0]
    assert (kept.error, kept.prompt_tokens) == ("\\ud800 and \0", (1 << 63) - 1)


def test_provenance_can_be_queried(store: RunStore) -> None:
    row = store.add(RUN)
    with sqlite3.connect(store.path) as raw:
        rows = raw.execute("SELECT * FROM environment ORDER BY kind").fetchall()
        found = raw.execute("SELECT id FROM runs WHERE plan = 'day' AND seed = 1 AND host = 'twin'").fetchall()
    raw.close()
    assert rows == [
        (row.id, "model", "a", "d" * 64),
        (row.id, "option", "a num_ctx", "4096"),
        (row.id, "variable", "OLLAMA_DEBUG", "1"),
    ]
    assert found == [(row.id,)]


def test_a_run_is_stored_while_it_is_played(store: RunStore) -> None:
    recording = store.record("ram", 0, LIVE)
    assert store.find(recording.run_id).state == "recording"
    recording.record(RECORD)
    recording.record(STREAMED)
    recording.span(SPAN)
    recording.client(HEALTH)
    recording.end(20, complete=True)
    assert recording.close() is None
    run = store.load(recording.run_id)
    assert run == Run("ram", 0, (RECORD, STREAMED), (SPAN,), 20, complete=True, provenance=LIVE, client=HEALTH)
    assert recording.run_id == run_id(run)


def test_a_run_that_was_left_without_an_end_is_incomplete(store: RunStore) -> None:
    recording = store.record("ram", 0, LIVE)
    recording.record(RECORD)
    assert recording.close() is None
    assert store.find("latest").state == "incomplete"
    assert store.load("latest").end_ns == RECORD.done_ns


def test_the_same_beginning_twice_is_two_runs(store: RunStore) -> None:
    both = [store.record("ram", 0, LIVE) for _ in range(2)]
    assert [one.close() for one in both] == [None, None]
    assert both[0].run_id != both[1].run_id


def test_a_store_that_breaks_does_not_break_the_run(tmp_path: Path) -> None:
    with opened(tmp_path / "runs.db") as store:
        recording = store.record("ram", 0, LIVE)
        with sqlite3.connect(store.path) as raw:
            raw.execute("DROP TABLE records")
        raw.close()
        recording.record(RECORD)
        recording.end(9, complete=True)
        assert "no such table" in str(recording.close())


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"not a database, but long enough to be looked at" * 9, "not a store of runs"), (b"", None)],
)
def test_files_that_are_no_store(tmp_path: Path, content: bytes, says: str | None) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    if says is None:
        opened(path).close()
        return
    with pytest.raises(StoreError, match=says):
        opened(path)


def test_the_file_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE runs (a)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="an SQLite file of another program; name the store with --store"):
        opened(path)
    assert path.read_bytes() == before


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        opened(tmp_path)


def test_whatever_differs_gives_another_id() -> None:
    others = (
        replace(PROVENANCE, host="other"),
        replace(PROVENANCE, seed=7),
        replace(PROVENANCE, toolkit_version="2"),
        replace(PROVENANCE, toolkit_commit="c" * 40),
        replace(PROVENANCE, started_at="2026"),
    )
    ids = {run_id(replace(RUN, provenance=provenance)) for provenance in (PROVENANCE, *others)}
    assert len(ids) == 6
