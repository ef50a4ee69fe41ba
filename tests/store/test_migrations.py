"""The schema grows by steps, from nothing and from the oldest store that there is."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.store.examples import RUN
from toolkit.store import StoreError, open_store
from toolkit.store.connection import APPLICATION_ID
from toolkit.store.migrations import MIGRATIONS, Migration, applied, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_from_an_empty_file_to_the_newest(empty: sqlite3.Connection) -> None:
    assert applied(empty) == frozenset()
    migrate(empty, 7)
    assert applied(empty) == {step.name for step in MIGRATIONS}
    assert empty.execute("SELECT DISTINCT applied_ns FROM migrations").fetchall() == [(7,)]


def test_from_the_oldest_schema_to_the_newest(empty: sqlite3.Connection, tmp_path: Path) -> None:
    """A store that had only the first step has afterwards what a new one has, and its runs are read."""
    migrate(empty, 1)
    path = tmp_path / "old.db"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, 1, MIGRATIONS[:1])
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.close()
    with open_store(path, {}) as store:
        row = store.add(RUN)
        assert store.load(row.id) == RUN
    raw = sqlite3.connect(path)
    assert schema(raw) == schema(empty)
    raw.close()


def test_a_step_is_applied_once(empty: sqlite3.Connection) -> None:
    steps = (*MIGRATIONS, Migration("9999_more", ("CREATE TABLE more (a)", "INSERT INTO more VALUES (1)")))
    migrate(empty, 1)
    migrate(empty, 2, steps)
    migrate(empty, 3, steps)
    assert empty.execute("SELECT a FROM more").fetchall() == [(1,)]
    assert empty.execute("SELECT applied_ns FROM migrations WHERE name = '9999_more'").fetchall() == [(2,)]


def test_steps_that_fail_leave_nothing(empty: sqlite3.Connection) -> None:
    broken = (Migration("1", ("CREATE TABLE a (b)",)), Migration("2", ("CREATE TABLE a (b)",)))
    with pytest.raises(sqlite3.OperationalError):
        migrate(empty, 1, broken)
    assert schema(empty) == []


def test_a_store_of_a_newer_toolkit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    open_store(path, {}).close()
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO migrations VALUES ('9999_from_the_future', 1)")
    raw.close()
    with pytest.raises(StoreError, match=r"written by a newer hotswap \(its schema has 9999_from_the_future"):
        open_store(path, {})


def test_names_are_numbered_without_gaps() -> None:
    assert [int(step.name[:4]) for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
