"""The schema of the store as a list of steps; each is applied once, and its name is kept in the store.

A step that was released is never edited: the next change is a new step at the end. Columns carry units. Times inside a
run are nanoseconds since its start, `stored_ns` and `seen_ns` nanoseconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class Migration(NamedTuple):
    """One step from a schema to the next."""

    name: str
    statements: tuple[str, ...]


_RUNS = """
CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    batch TEXT NOT NULL,                -- the id of the first run of the same call of a command
    strategy TEXT NOT NULL,
    repetition INTEGER NOT NULL,        -- from 0
    state TEXT NOT NULL CHECK (state IN ('recording', 'complete', 'incomplete')),
    stored_ns INTEGER NOT NULL,
    end_ns INTEGER,                     -- NULL: cut short, nobody saw the end
    record_count INTEGER NOT NULL DEFAULT 0,
    provenance TEXT NOT NULL CHECK (json_valid(provenance)),
    client TEXT CHECK (client IS NULL OR json_valid(client)),
    writer_host TEXT, writer_pid INTEGER, seen_ns INTEGER,
    plan TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.plan')) VIRTUAL,
    plan_sha256 TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.plan_sha256')) VIRTUAL,
    host TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.host')) VIRTUAL,
    hardware TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.hardware')) VIRTUAL,
    server_version TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.server_version')) VIRTUAL,
    toolkit_version TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.toolkit_version')) VIRTUAL,
    toolkit_commit TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.toolkit_commit')) VIRTUAL,
    seed INTEGER GENERATED ALWAYS AS (json_extract(provenance, '$.seed')) VIRTUAL,
    started_at TEXT GENERATED ALWAYS AS (json_extract(provenance, '$.started_at')) VIRTUAL
)"""

_RECORDS = """
CREATE TABLE records (
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,          -- from 0, in the order of writing
    id TEXT NOT NULL, session TEXT,
    intended_ns INTEGER NOT NULL, sent_ns INTEGER, ready_ns INTEGER, first_token_ns INTEGER, done_ns INTEGER,
    model_asked TEXT, model TEXT NOT NULL, label TEXT, reason TEXT NOT NULL, rule INTEGER,
    keep_alive_ns INTEGER, unloaded_before TEXT, preloaded_after TEXT, temperature TEXT,
    queue_ns INTEGER, evict_ns INTEGER, load_ns INTEGER, slot_ns INTEGER, prefill_ns INTEGER, decode_ns INTEGER,
    server_load_ns INTEGER, prompt_tokens INTEGER, output_tokens INTEGER, evicted TEXT,
    outcome TEXT NOT NULL, error TEXT, phase TEXT NOT NULL, prompt_cached INTEGER, deadline_ns INTEGER,
    more TEXT,                          -- fields that this schema has no column for, as JSON
    PRIMARY KEY (run, position)
) WITHOUT ROWID"""

_SAMPLES = """
CREATE TABLE samples (
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,          -- of the record
    name TEXT NOT NULL,                 -- `token_ns`
    packed BLOB NOT NULL,
    PRIMARY KEY (run, position, name)
) WITHOUT ROWID"""

_RESIDENCY = """
CREATE TABLE residency (
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    model TEXT NOT NULL, load_start_ns INTEGER NOT NULL, ready_ns INTEGER, unload_start_ns INTEGER, gone_ns INTEGER,
    vram_bytes INTEGER NOT NULL, size_bytes INTEGER NOT NULL, cause TEXT,
    more TEXT,
    PRIMARY KEY (run, position)
) WITHOUT ROWID"""

_TAGS = """
CREATE TABLE tags (
    name TEXT PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE
) WITHOUT ROWID"""

# Provenance is kept once, as JSON, so that a new field needs no new table; this shows its lists as rows.
_ENVIRONMENT = """
CREATE VIEW environment (run_id, kind, name, value) AS
    SELECT runs.id, 'model', json_extract(each.value, '$[0]'), json_extract(each.value, '$[1]')
    FROM runs, json_each(runs.provenance, '$.models') AS each
    UNION ALL
    SELECT runs.id, 'option', json_extract(each.value, '$[0]'), json_extract(each.value, '$[1]')
    FROM runs, json_each(runs.provenance, '$.options') AS each
    UNION ALL
    SELECT runs.id, 'variable', json_extract(each.value, '$[0]'), json_extract(each.value, '$[1]')
    FROM runs, json_each(runs.provenance, '$.environment') AS each"""

MIGRATIONS = (
    Migration(
        "0001_runs_records_samples",
        (
            _RUNS,
            _RECORDS,
            _SAMPLES,
            _RESIDENCY,
            _TAGS,
            _ENVIRONMENT,
            "CREATE INDEX runs_by_batch ON runs (batch, strategy, repetition)",
            "CREATE INDEX tags_by_run ON tags (run)",
        ),
    ),
)
"""Oldest first."""

_NAMES = """
CREATE TABLE IF NOT EXISTS migrations (
    name TEXT PRIMARY KEY,
    applied_ns INTEGER NOT NULL
) WITHOUT ROWID"""


def applied(connection: sqlite3.Connection) -> frozenset[str]:
    """The names of the steps that this store has had; none for an empty file."""
    has_names = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone()
    if has_names is None:
        return frozenset()
    return frozenset(name for (name,) in connection.execute("SELECT name FROM migrations"))


def migrate(connection: sqlite3.Connection, now_ns: int, steps: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the steps that are missing; all of them or none. The connection is in autocommit mode."""
    if applied(connection) >= {step.name for step in steps}:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_NAMES)
        done = applied(connection)  # once more: another process may have been quicker
        for step in steps:
            if step.name in done:
                continue
            for statement in step.statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?)", (step.name, now_ns))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
