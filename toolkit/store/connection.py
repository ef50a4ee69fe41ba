"""The store's file: where it is, how it is opened, and what can be wrong with it, in words.

Every connection waits up to ten seconds for another writer, checks references between tables, and writes ahead (WAL):
readers never wait, and a process that is killed at any moment loses what it had not committed and nothing else.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import HotswapError
from toolkit.store.migrations import MIGRATIONS, applied, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STORE_VARIABLE = "HOTSWAP_STORE"
DEFAULT_STORE = Path("reports/runs.db")
BUSY_TIMEOUT_S = 10.0
APPLICATION_ID = 0x68737772
"""`hswr`; tells the store from the SQLite files of other programs."""


class StoreError(HotswapError):
    """The store's file could not be opened, read or written."""


def store_path(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The file: as given, else as `HOTSWAP_STORE` says, else `reports/runs.db`."""
    return given or Path(environment.get(STORE_VARIABLE) or DEFAULT_STORE)


def connect(path: Path, now_ns: int) -> sqlite3.Connection:
    """Open the file, made if absent, and bring its schema up to date. The connection is in autocommit mode.

    Raises:
        StoreError: it cannot be opened, is no store, or was written by a newer toolkit.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _refuse_strangers(connection, path)
            connection.execute("PRAGMA foreign_keys = ON")
            # Durable against the death of the process; after a power cut the last commits may be missing, no more.
            connection.execute("PRAGMA synchronous = NORMAL")
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, now_ns)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; begins as a writer at once, so that two of them queue and never collide."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Errors of the file system and of SQLite as one sentence each."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; name another store with --store FILE") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {_reason(error)}") from error


def _refuse_strangers(connection: sqlite3.Connection, path: Path) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    done = applied(connection)
    if tables and not ours and not done:
        raise StoreError(f"{path}: an SQLite file of another program; name the store with --store FILE")
    newer = sorted(done - {step.name for step in MIGRATIONS})
    if newer:
        raise StoreError(
            f"{path}: written by a newer hotswap (its schema has {newer[0]}); update hotswap, or name another store"
        )


def _reason(error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    words = {
        sqlite3.SQLITE_BUSY: f"another process has been writing for {BUSY_TIMEOUT_S:.0f} s; try again when it is done",
        sqlite3.SQLITE_LOCKED: "another part of this process is writing; try again when it is done",
        sqlite3.SQLITE_FULL: "the disk is full; make room, and what was not stored can be imported from run.jsonl",
        sqlite3.SQLITE_NOTADB: "not a store of runs (no SQLite file); name the store with --store FILE",
        sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a copy, or import the run.jsonl files into a new store",
        sqlite3.SQLITE_READONLY: "the file may not be written; check its permissions, or name another --store FILE",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the path and its permissions, or name another --store FILE",
    }
    return words.get(primary, str(error)) if primary is not None else str(error)
