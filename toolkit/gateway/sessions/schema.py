"""The schema of the session file as a list of steps, applied by the run store's own mechanism.

A step that was released is never edited: the next change is a new step at the end. Columns carry units; times of a day
are nanoseconds since 1970, all others are durations.
"""

from __future__ import annotations

from toolkit.store.migrations import Migration

_SESSIONS = """
CREATE TABLE sessions (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_ns INTEGER NOT NULL,
    used_ns INTEGER NOT NULL,
    turns INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,    -- of all turns, so also the position of the next message
    end_bytes INTEGER NOT NULL DEFAULT 0    -- text of the turns that were answered, UTF-8
)"""

# A turn whose answer did not come to its end is kept, but its messages are no part of the history.
_TURNS = """
CREATE TABLE turns (
    key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    number INTEGER NOT NULL,                -- from 0
    request_key TEXT,                       -- the client's own name of the request, if it gave one
    outcome TEXT NOT NULL CHECK (outcome IN ('answered', 'cancelled', 'failed')),
    error TEXT,
    model_asked TEXT, model TEXT NOT NULL, reason TEXT NOT NULL, rule INTEGER, found TEXT, done_reason TEXT,
    prompt_tokens INTEGER, answer_tokens INTEGER, prompt_cached INTEGER,
    prompt_weight REAL,                     -- of what was sent, see toolkit/gateway/weight.py
    started_ns INTEGER NOT NULL,            -- since 1970
    queue_ns INTEGER, load_ns INTEGER, first_token_ns INTEGER, total_ns INTEGER,
    UNIQUE (session, number)
)"""

_MESSAGES = """
CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    turn INTEGER NOT NULL REFERENCES turns (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,              -- from 0, over all turns
    answered INTEGER NOT NULL,              -- 1: part of the history
    role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    content TEXT NOT NULL,
    thinking TEXT,
    tool_calls TEXT CHECK (tool_calls IS NULL OR json_valid(tool_calls)),
    tool_name TEXT,
    images INTEGER NOT NULL DEFAULT 0,      -- how many there are in the table of images
    end_bytes INTEGER NOT NULL,             -- text of the history up to and with this message
    weight REAL NOT NULL,                   -- as the column of turns
    at_ns INTEGER NOT NULL,
    UNIQUE (session, position)
)"""

_IMAGES = """
CREATE TABLE images (
    message INTEGER NOT NULL REFERENCES messages (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (message, position)
) WITHOUT ROWID"""

_SUMMARIES = """
CREATE TABLE summaries (
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    through INTEGER NOT NULL,               -- position of the last message that it tells
    text TEXT NOT NULL,
    model TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    PRIMARY KEY (session, through)
) WITHOUT ROWID"""

_VECTORS = """
CREATE TABLE vectors (
    message INTEGER NOT NULL REFERENCES messages (key) ON DELETE CASCADE,
    model TEXT NOT NULL,
    data BLOB NOT NULL,                     -- 32-bit floats, little-endian, of length 1
    PRIMARY KEY (message, model)
) WITHOUT ROWID"""

# The index has no text of its own: it points into `messages`, so a deleted message leaves it with the same statement.
_INDEX = """
CREATE VIRTUAL TABLE messages_index USING fts5 (
    content, content = 'messages', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2'
)"""
_INDEXED = """
CREATE TRIGGER messages_indexed AFTER INSERT ON messages BEGIN
    INSERT INTO messages_index (rowid, content) VALUES (new.key, new.content);
END"""
_UNINDEXED = """
CREATE TRIGGER messages_unindexed AFTER DELETE ON messages BEGIN
    INSERT INTO messages_index (messages_index, rowid, content) VALUES ('delete', old.key, old.content);
END"""

# With the session as a column, so that what is sought in one session is not first found in all of them.
_INDEX_BY_SESSION = """
CREATE VIRTUAL TABLE messages_index USING fts5 (
    content, session, content = 'messages', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2'
)"""
_INDEXED_BY_SESSION = """
CREATE TRIGGER messages_indexed AFTER INSERT ON messages BEGIN
    INSERT INTO messages_index (rowid, content, session) VALUES (new.key, new.content, new.session);
END"""
_UNINDEXED_BY_SESSION = """
CREATE TRIGGER messages_unindexed AFTER DELETE ON messages BEGIN
    INSERT INTO messages_index (messages_index, rowid, content, session)
    VALUES ('delete', old.key, old.content, old.session);
END"""

MIGRATIONS = (
    Migration(
        "0001_sessions",
        (
            _SESSIONS,
            _TURNS,
            _MESSAGES,
            _IMAGES,
            _SUMMARIES,
            _VECTORS,
            _INDEX,
            _INDEXED,
            _UNINDEXED,
            "CREATE INDEX sessions_by_use ON sessions (used_ns)",
            "CREATE UNIQUE INDEX turns_by_request ON turns (session, request_key) WHERE outcome = 'answered'",
            "CREATE INDEX turns_by_model ON turns (model, key) WHERE prompt_weight IS NOT NULL",
            "CREATE INDEX messages_by_turn ON messages (turn)",
            "CREATE INDEX history ON messages (session, position) WHERE answered = 1",
        ),
    ),
    Migration("0002_request_digest", ("ALTER TABLE turns ADD COLUMN request_digest TEXT",)),
    Migration(
        "0003_index_by_session",
        (
            "DROP TRIGGER messages_indexed",
            "DROP TRIGGER messages_unindexed",
            "DROP TABLE messages_index",
            _INDEX_BY_SESSION,
            "INSERT INTO messages_index (messages_index) VALUES ('rebuild')",
            _INDEXED_BY_SESSION,
            _UNINDEXED_BY_SESSION,
            # Most sessions have no system message, and none shall be sought in all of a session for each request.
            "CREATE INDEX systems ON messages (session, position) WHERE answered = 1 AND role = 'system'",
        ),
    ),
)
"""Oldest first."""
