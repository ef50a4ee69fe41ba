"""The file of the sessions: how it is opened, and what can be wrong with it, in words.

Conversations are private: the file is made readable for its owner alone, and deleted text is overwritten with zeros.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolkit.errors import HotswapError
from toolkit.gateway.sessions.schema import MIGRATIONS
from toolkit.store.migrations import applied, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_TIMEOUT_S = 10.0
APPLICATION_ID = 0x68737773
"""`hsws`; tells the sessions from other SQLite files, the run store's among them."""


class SessionsError(HotswapError):
    """The file of the sessions could not be opened, read or written; nothing of what was asked is stored."""


class SessionsFullError(SessionsError):
    """There is no room for what was to be stored."""


def connect(path: Path, now_ns: int) -> sqlite3.Connection:
    """Open the file, made if absent, and bring its schema up to date. The connection is in autocommit mode.

    It may be used by any thread, by one at a time.

    Raises:
        SessionsError: it cannot be opened, is no file of sessions, or was written by a newer toolkit.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            _refuse_strangers(connection, path)
            connection.execute("PRAGMA foreign_keys = ON")
            # An answer is acknowledged only when it is on the disk: a power cut loses nothing that a client was told.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, now_ns, MIGRATIONS)
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Errors of the file system and of SQLite as one sentence each."""
    try:
        yield
    except OSError as error:
        raise SessionsError(f"{path}: {error.strerror or error}; name another file for the sessions") from error
    except sqlite3.DatabaseError as error:
        raise in_words(error, path) from error


def in_words(error: sqlite3.DatabaseError, path: Path) -> SessionsError:
    """What went wrong with the file, and what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    full = "the disk is full, and nothing of this was stored; make room (`hotswap sessions rm --older-than` helps)"
    words = {
        sqlite3.SQLITE_BUSY: f"another process has been writing for {BUSY_TIMEOUT_S:.0f} s; try again when it is done",
        sqlite3.SQLITE_LOCKED: "another part of this process is writing; try again when it is done",
        sqlite3.SQLITE_FULL: full,
        sqlite3.SQLITE_IOERR: "the disk refuses to read or write, and nothing of this is stored; is it full or broken?",
        sqlite3.SQLITE_NOTADB: "no file of sessions (no SQLite file); name another",
        sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a copy, or begin a new one under another name",
        sqlite3.SQLITE_READONLY: "the file may not be written; check its permissions, or name another",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the path and its permissions, or name another file",
    }
    said = words.get(primary, str(error)) if primary is not None else str(error)
    kind = SessionsFullError if primary in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR} else SessionsError
    return kind(f"{path}: {said}")


def _make_private(path: Path) -> None:
    """Make the file, if it is absent, for its owner alone; SQLite gives the files beside it the same rights."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return


def _refuse_strangers(connection: sqlite3.Connection, path: Path) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    identity = connection.execute("PRAGMA application_id").fetchone()[0]
    done = applied(connection)
    known = {step.name for step in MIGRATIONS}
    # A process that was killed while it made the file left all steps and no identity, or nothing at all.
    if tables and identity != APPLICATION_ID and not (identity == 0 and done & known):
        raise SessionsError(f"{path}: an SQLite file of another kind; name another file for the sessions")
    newer = sorted(done - known)
    if newer:
        raise SessionsError(
            f"{path}: written by a newer hotswap (its schema has {newer[0]}); update hotswap, or name another file"
        )
