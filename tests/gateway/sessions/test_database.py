"""The session file: made, opened again, and told apart from all that is none."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from toolkit.gateway.sessions import SessionStore
from toolkit.gateway.sessions.database import APPLICATION_ID, SessionsError, connect
from toolkit.gateway.sessions.schema import MIGRATIONS
from toolkit.store import open_store
from toolkit.store.migrations import applied, migrate

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_file_has_every_step_and_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    for _ in range(2):
        connection = connect(path, 7)
        assert applied(connection) == {step.name for step in MIGRATIONS}
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        connection.close()


def test_a_process_that_was_killed_while_it_made_the_file_leaves_one_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    half = sqlite3.connect(path, isolation_level=None)
    migrate(half, 1, MIGRATIONS)  # and no mark of whose file it is
    half.close()
    connect(path, 2).close()
    (tmp_path / "empty.db").touch()
    connect(tmp_path / "empty.db", 2).close()


def test_the_files_of_others_are_left_alone(tmp_path: Path) -> None:
    runs, other, text = tmp_path / "runs.db", tmp_path / "other.db", tmp_path / "text.db"
    open_store(runs, {}).close()
    strange = sqlite3.connect(other)
    strange.execute("CREATE TABLE mine (a)")
    strange.close()
    text.write_text("no database, but long enough to be looked at " * 10)
    for path, words in ((runs, "of another kind"), (other, "of another kind"), (text, "no SQLite file")):
        before = path.read_bytes()
        with pytest.raises(SessionsError, match=words):
            connect(path, 1)
        assert path.read_bytes() == before
    with pytest.raises(SessionsError, match="name another file"):
        connect(tmp_path, 1)


def test_a_file_of_a_newer_toolkit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    connection = connect(path, 1)
    connection.execute("INSERT INTO migrations VALUES ('0099_dreams', 1)")
    connection.close()
    with pytest.raises(SessionsError, match=r"newer hotswap .*0099_dreams"):
        connect(path, 2)


async def test_what_an_older_hotswap_has_stored_is_found(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, 1, MIGRATIONS[:2])
    old.execute("INSERT INTO sessions (id, created_ns, used_ns) VALUES ('a', 1, 1)")
    old.execute(
        "INSERT INTO turns (session, number, outcome, model, reason, started_ns) VALUES (1, 0, 'answered', 'm', '', 1)"
    )
    old.execute(
        "INSERT INTO messages (session, turn, position, answered, role, content, end_bytes, weight, at_ns)"
        " VALUES (1, 1, 0, 1, 'user', 'a green river', 13, 3.0, 1)"
    )
    old.close()
    store = SessionStore.open(path)
    assert [said.content for said in await store.related("a", "which river?", 5)] == ["a green river"]
    assert [hit.position for hit in await store.search("green")] == [0]
    assert await store.search("1") == ()  # the session's own number is no word of its messages
    assert await store.remove("a")
    assert await store.search("green") == ()
    await store.aclose()
