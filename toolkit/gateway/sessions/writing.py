"""The statements that change sessions; their callers decide what is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.gateway.sessions.rows import MESSAGE_COLUMNS, TURN_COLUMNS, message_row, text_bytes, turn_row
from toolkit.gateway.weight import message_weight

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from toolkit.gateway.sessions.records import Exchange, Summary
    from toolkit.ollama.types import ChatMessage

_ADD_TURN = (
    f"INSERT INTO turns (session, number, {', '.join(TURN_COLUMNS)})"  # noqa: S608 - names of columns, all ours
    f" VALUES (?, ?, {', '.join('?' * len(TURN_COLUMNS))})"
)
_MESSAGE = (*MESSAGE_COLUMNS, "images", "end_bytes", "weight", "at_ns")
_ADD_MESSAGE = (
    f"INSERT INTO messages (session, turn, position, answered, {', '.join(_MESSAGE)})"  # noqa: S608 - as above
    f" VALUES (?, ?, ?, ?, {', '.join('?' * len(_MESSAGE))})"
)


def add_exchange(connection: sqlite3.Connection, session_id: str, exchange: Exchange, now_ns: int) -> int:
    """Append an exchange to its session, which is made if absent; returns the number of the turn, from 0."""
    connection.execute(
        "INSERT INTO sessions (id, created_ns, used_ns) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (session_id, exchange.started_ns, now_ns),
    )
    key, number, position, end_bytes = connection.execute(
        "SELECT key, turns, messages, end_bytes FROM sessions WHERE id = ?", (session_id,)
    ).fetchone()
    turn = connection.execute(_ADD_TURN, (key, number, *turn_row(exchange))).lastrowid
    answered = exchange.outcome == "answered"
    messages = [(message, exchange.started_ns) for message in exchange.said]
    if exchange.answer is not None:
        messages.append((exchange.answer, now_ns))
    for message, at_ns in messages:
        if answered:
            end_bytes += text_bytes(message)
        sizes = (len(message.images), end_bytes, message_weight(message), at_ns)
        row = (key, turn, position, answered, *message_row(message), *sizes)
        added = connection.execute(_ADD_MESSAGE, row).lastrowid
        _add_images(connection, added, message)
        position += 1
    connection.execute(
        "UPDATE sessions SET used_ns = max(used_ns, ?), turns = ?, messages = ?, end_bytes = ? WHERE key = ?",
        (now_ns, number + 1, position, end_bytes, key),
    )
    return int(number)


def add_summary(connection: sqlite3.Connection, session_id: str, summary: Summary) -> bool:
    """Keep a summary; False if the session is gone meanwhile. One of the same end is replaced."""
    added = connection.execute(
        "INSERT OR REPLACE INTO summaries (session, through, text, model, at_ns)"
        " SELECT key, ?, ?, ?, ? FROM sessions WHERE id = ?",
        (summary.through, summary.text, summary.model, summary.at_ns, session_id),
    )
    return added.rowcount > 0


def add_vectors(connection: sqlite3.Connection, model: str, vectors: Mapping[int, bytes]) -> None:
    """Keep vectors by the key of their message; those of messages that are gone meanwhile are left out."""
    connection.executemany(
        "INSERT OR REPLACE INTO vectors (message, model, data) SELECT key, ?, ? FROM messages WHERE key = ?",
        [(model, data, key) for key, data in vectors.items()],
    )


def remove(connection: sqlite3.Connection, session_id: str) -> bool:
    """Remove a session with everything in it; False if there is none."""
    return connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,)).rowcount > 0


def remove_unused(connection: sqlite3.Connection, before_ns: int) -> tuple[str, ...]:
    """Remove the sessions that were last used before a moment; returns their ids, the longest unused first."""
    chosen = connection.execute(
        "SELECT id FROM sessions WHERE used_ns < ? ORDER BY used_ns, id", (before_ns,)
    ).fetchall()
    connection.execute("DELETE FROM sessions WHERE used_ns < ?", (before_ns,))
    return tuple(session_id for (session_id,) in chosen)


def wipe_index(connection: sqlite3.Connection) -> None:
    """Write the index anew without the words of deleted messages, which it would otherwise keep for a while."""
    connection.execute("INSERT INTO messages_index (messages_index) VALUES ('optimize')")


def give_room_back(connection: sqlite3.Connection) -> None:
    """Shrink the file, and empty the log beside it as far as readers allow. Not inside a transaction."""
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _add_images(connection: sqlite3.Connection, message_key: int | None, message: ChatMessage) -> None:
    connection.executemany(
        "INSERT INTO images VALUES (?, ?, ?)",
        [(message_key, position, data) for position, data in enumerate(message.images)],
    )
