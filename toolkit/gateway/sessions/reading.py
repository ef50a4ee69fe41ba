"""The statements that read sessions."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from toolkit.gateway.sessions.records import History, Measured, SessionRow, StoredMessage, StoredTurn, Summary
from toolkit.gateway.sessions.rows import MESSAGE_COLUMNS, TURN_COLUMNS, exchange_from, message_from

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from toolkit.ollama.types import ChatMessage

_MESSAGE = ", ".join(f"m.{name}" for name in MESSAGE_COLUMNS)
_TURN = ", ".join(f"t.{name}" for name in TURN_COLUMNS)
_TITLE_LENGTH = 60


def session_key(connection: sqlite3.Connection, session_id: str) -> int | None:
    """The row of a session, None if there is none."""
    found = connection.execute("SELECT key FROM sessions WHERE id = ?", (session_id,)).fetchone()
    return None if found is None else int(found[0])


def read_history(connection: sqlite3.Connection, session_id: str, most: int) -> History:
    """The newest `most` messages of the answered turns with all that goes with them; empty for a new session."""
    key = session_key(connection, session_id)
    if key is None:
        return History(session_id)
    rows = connection.execute(
        f"SELECT m.key, m.images, m.position, m.end_bytes, m.weight, m.at_ns, {_MESSAGE} FROM messages AS m"  # noqa: S608 - names of columns, all ours
        " WHERE session = ? AND answered = 1 ORDER BY position DESC LIMIT ?",
        (key, most),
    ).fetchall()
    rows.reverse()
    omitted = 0
    if len(rows) == most:
        omitted = connection.execute(
            "SELECT count(*) FROM messages WHERE session = ? AND answered = 1 AND position < ?", (key, rows[0][2])
        ).fetchone()[0]
    system = connection.execute(
        "SELECT content FROM messages WHERE session = ? AND answered = 1 AND role = 'system'"
        " ORDER BY position DESC LIMIT 1",
        (key,),
    ).fetchone()
    return History(
        session_id,
        tuple(
            StoredMessage(position, _whole(connection, row, message, images), end_bytes, weight, at_ns)
            for message, images, position, end_bytes, weight, at_ns, *row in rows
        ),
        _summaries(connection, key),
        None if system is None else system[0],
        omitted,
    )


def read_turns(connection: sqlite3.Connection, session_id: str) -> Iterator[StoredTurn]:
    """Every turn of a session in order, those that failed too."""
    rows = connection.execute(
        f"SELECT t.number, m.position, m.key, m.images, {_TURN}, {_MESSAGE} FROM sessions AS s"  # noqa: S608 - as above
        " JOIN turns AS t ON t.session = s.key LEFT JOIN messages AS m ON m.turn = t.key"
        " WHERE s.id = ? ORDER BY t.number, m.position",
        (session_id,),
    )
    for number, group in groupby(rows, key=lambda row: row[0]):
        yield _turn(connection, number, list(group))


def read_answered(connection: sqlite3.Connection, session_id: str, request_key: str) -> StoredTurn | None:
    """The turn that answered the request of this key, None if there is none."""
    rows = connection.execute(
        f"SELECT t.number, m.position, m.key, m.images, {_TURN}, {_MESSAGE} FROM sessions AS s"  # noqa: S608 - as above
        " JOIN turns AS t ON t.session = s.key LEFT JOIN messages AS m ON m.turn = t.key"
        " WHERE s.id = ? AND t.request_key = ? AND t.outcome = 'answered' ORDER BY m.position",
        (session_id, request_key),
    ).fetchall()
    return _turn(connection, rows[0][0], rows) if rows else None


def read_sessions(connection: sqlite3.Connection, rest: str = "", values: Sequence[Any] = ()) -> tuple[SessionRow, ...]:
    """Sessions, the last used first. `rest` is SQL of ours behind the order, or a condition before it."""
    rows = connection.execute(
        "SELECT s.key, s.id, s.created_ns, s.used_ns, s.turns, s.messages, s.end_bytes,"  # noqa: S608 - as above
        f" (SELECT substr(content, 1, {_TITLE_LENGTH + 1}) FROM messages"
        "   WHERE session = s.key AND role = 'user' ORDER BY position LIMIT 1)"
        f" FROM sessions AS s {rest}",
        values,
    ).fetchall()
    return tuple(
        SessionRow(name, created_ns, used_ns, turns, messages, size_bytes, _models(connection, key), _title(said or ""))
        for key, name, created_ns, used_ns, turns, messages, size_bytes, said in rows
    )


def read_measured(connection: sqlite3.Connection, each: int) -> tuple[Measured, ...]:
    """The last prompts that were counted, at most `each` a model, oldest first."""
    rows = connection.execute(
        "SELECT model, prompt_weight, prompt_tokens FROM ("
        " SELECT key, model, prompt_weight, prompt_tokens,"
        " row_number() OVER (PARTITION BY model ORDER BY key DESC) AS n"
        " FROM turns WHERE prompt_weight IS NOT NULL AND prompt_tokens IS NOT NULL) WHERE n <= ? ORDER BY key",
        (each,),
    )
    return tuple(Measured(*row) for row in rows)


def read_texts(connection: sqlite3.Connection, session_id: str, positions: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Role and text of messages of a session, by position."""
    marks = ", ".join("?" * len(positions))
    rows = connection.execute(
        "SELECT m.position, m.role, m.content FROM sessions AS s JOIN messages AS m ON m.session = s.key"  # noqa: S608 - question marks
        f" WHERE s.id = ? AND m.position IN ({marks})",
        (session_id, *positions),
    )
    return {position: (role, content) for position, role, content in rows}


def read_vectors(
    connection: sqlite3.Connection, session_id: str, model: str, before: int
) -> tuple[tuple[int, bytes], ...]:
    """The vectors of a session's messages before a position as (position, data), in order."""
    return tuple(
        connection.execute(
            "SELECT m.position, v.data FROM sessions AS s JOIN messages AS m ON m.session = s.key"
            " JOIN vectors AS v ON v.message = m.key WHERE s.id = ? AND v.model = ? AND m.answered = 1"
            " AND m.position < ? ORDER BY m.position",
            (session_id, model, before),
        ).fetchall()
    )


def read_unembedded(
    connection: sqlite3.Connection, session_id: str, model: str, limit: int
) -> tuple[tuple[int, str], ...]:
    """The oldest messages of a session that have no vector of the model yet, as (key, text)."""
    return tuple(
        connection.execute(
            "SELECT m.key, m.content FROM sessions AS s JOIN messages AS m ON m.session = s.key"
            " WHERE s.id = ? AND m.answered = 1 AND m.role IN ('user', 'assistant') AND m.content != ''"
            " AND NOT EXISTS (SELECT 1 FROM vectors AS v WHERE v.message = m.key AND v.model = ?)"
            " ORDER BY m.position LIMIT ?",
            (session_id, model, limit),
        ).fetchall()
    )


def _summaries(connection: sqlite3.Connection, key: int) -> tuple[Summary, ...]:
    rows = connection.execute(
        "SELECT through, text, model, at_ns FROM summaries WHERE session = ? ORDER BY through", (key,)
    )
    return tuple(Summary(*row) for row in rows)


def _models(connection: sqlite3.Connection, key: int) -> tuple[tuple[str, int], ...]:
    return tuple(
        connection.execute(
            "SELECT model, count(*) FROM turns WHERE session = ? AND outcome = 'answered'"
            " GROUP BY model ORDER BY 2 DESC, 1",
            (key,),
        ).fetchall()
    )


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(text) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 1]}…"


def _turn(connection: sqlite3.Connection, number: int, rows: Sequence[Sequence[Any]]) -> StoredTurn:
    first = 4 + len(TURN_COLUMNS)
    messages: list[ChatMessage] = []
    positions: list[int] = []
    for row in rows:
        _, position, key, images = row[:4]
        if position is not None:  # a turn that failed may have no message at all
            positions.append(position)
            messages.append(_whole(connection, row[first:], key, images))
    answer = messages.pop() if messages and messages[-1].role == "assistant" else None
    exchange = exchange_from(rows[0][4:first], tuple(messages), answer)
    return StoredTurn(number, exchange, tuple(positions))


def _whole(connection: sqlite3.Connection, row: Sequence[Any], key: int, images: int) -> ChatMessage:
    if not images:
        return message_from(row)
    data = connection.execute("SELECT data FROM images WHERE message = ? ORDER BY position", (key,))
    return message_from(row, tuple(each for (each,) in data))
