"""The statements that search: all sessions for what somebody types, or one for what matters to its next question."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from toolkit.gateway.sessions.query import any_of
from toolkit.gateway.sessions.ranking import scores
from toolkit.gateway.sessions.reading import session_key
from toolkit.gateway.sessions.records import Hit, Said

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

MOST_RANKED = 256
"""So many messages of one session are weighed against each other for a question."""


def search(connection: sqlite3.Connection, query: str, limit: int) -> tuple[Hit, ...]:
    """The messages of answered turns that fit a query of `toolkit.gateway.sessions.query`, best first."""
    rows = connection.execute(
        "SELECT s.id, m.position, m.role, m.at_ns, -bm25(messages_index),"
        " snippet(messages_index, 0, '[', ']', '…', 16), m.content"
        " FROM messages_index JOIN messages AS m ON m.key = messages_index.rowid"
        " JOIN sessions AS s ON s.key = m.session"
        " WHERE messages_index MATCH 'content : (' || :query || ')' AND m.answered = 1"
        " ORDER BY bm25(messages_index), m.key DESC LIMIT :limit",
        {"query": query, "limit": limit},
    )
    return tuple(Hit(*row) for row in rows)


def search_said(
    connection: sqlite3.Connection, session_id: str, words: Sequence[str], limit: int, before: int
) -> tuple[Said, ...]:
    """What was said in a session before a position, with the most telling of some words, the newest of equals first.

    Of a session in hand only the things said count: results of tools and system texts are noise.
    """
    key = session_key(connection, session_id)
    if key is None:
        return ()
    keys = _having(connection, key, words)
    if len(keys) > MOST_RANKED:
        keys = _having(connection, key, _rarest(connection, key, words))[-MOST_RANKED:]
    rows = connection.execute(
        f"SELECT position, role, content FROM messages WHERE key IN ({', '.join('?' * len(keys))})"  # noqa: S608 - question marks
        " AND answered = 1 AND role IN ('user', 'assistant') AND position < ? ORDER BY key DESC",
        (*keys, before),
    ).fetchall()
    marks = scores([content for _, _, content in rows], words, before)
    found = (Said(position, role, content, score) for (position, role, content), score in zip(rows, marks, strict=True))
    return tuple(sorted(found, key=lambda each: -each.score)[:limit])


def search_text(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> tuple[Hit, ...]:
    """The messages of all sessions that have every one of these texts in them, the newest first; their score is 1.

    For scripts without spaces, of whose words the index knows nothing: all messages are looked through.
    """
    place = "instr(lower(m.content), lower(?))"
    every = " AND ".join([f"{place} > 0"] * len(words))
    rows = connection.execute(
        f"SELECT s.id, m.position, m.role, m.at_ns, 1.0, substr(m.content, max(1, {place} - 20), 60), m.content"  # noqa: S608 - question marks
        " FROM messages AS m JOIN sessions AS s ON s.key = m.session"
        f" WHERE m.answered = 1 AND {every} ORDER BY m.key DESC LIMIT ?",
        (words[0], *words, limit),
    )
    return tuple(Hit(*row) for row in rows)


def search_pairs(
    connection: sqlite3.Connection, session_id: str, pairs: Sequence[str], limit: int, before: int
) -> tuple[Said, ...]:
    """The same by pairs of characters; the score is how many.

    Looked for in every message of the session, because the index knows no parts of words.
    """
    score = " + ".join(["(instr(m.content, ?) > 0)"] * len(pairs))
    rows = connection.execute(
        f"SELECT * FROM (SELECT m.position, m.role, m.content, {score} AS score"  # noqa: S608 - question marks
        " FROM messages AS m JOIN sessions AS s ON s.key = m.session"
        " WHERE s.id = ? AND m.position < ? AND m.answered = 1 AND m.role IN ('user', 'assistant'))"
        " WHERE score > 0 ORDER BY score DESC, position DESC LIMIT ?",
        (*pairs, session_id, before, limit),
    )
    return tuple(Said(*row) for row in rows)


def _having(connection: sqlite3.Connection, key: int, words: Iterable[str]) -> list[int]:
    """The keys of the messages of a session that have any of the words, the oldest first: the order of the index.

    Whether they count is looked up afterwards: the index walks a third slower if it is asked for the newest first.
    """
    rows = connection.execute(
        "SELECT rowid FROM messages_index WHERE messages_index MATCH ?",
        (f'session : "{key}" AND content : ({any_of(words)})',),
    )
    return [each for (each,) in rows]


def _rarest(connection: sqlite3.Connection, key: int, words: Sequence[str]) -> list[str]:
    """Of words that are everywhere in a session the rarest, as many as few enough messages have."""
    counted = []
    for word in words:
        rows = "SELECT 1 FROM messages_index WHERE messages_index MATCH ? LIMIT ?"
        match = f'session : "{key}" AND content : ({any_of([word])})'
        (count,) = connection.execute(f"SELECT count(*) FROM ({rows})", (match, MOST_RANKED)).fetchone()  # noqa: S608 - ours
        counted.append((count, word))
    counted.sort(key=lambda each: each[0])
    totals = accumulate(count for count, _ in counted)
    few = [word for (_, word), total in zip(counted, totals, strict=True) if total < MOST_RANKED]
    return few or [counted[0][1]]
