"""The store as others use it: add, find, load, tag, remove. One object, one connection, one thread."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING, Self

from toolkit.errors import UsageError
from toolkit.replay.records import Run
from toolkit.replay.runfile import last_known_ns
from toolkit.store.connection import connect, explained, store_path, transaction
from toolkit.store.finding import find_key
from toolkit.store.identity import begun_id, run_id, tag_problem
from toolkit.store.liveness import close_orphans
from toolkit.store.reading import read_records, read_rows, read_spans
from toolkit.store.recording import COMMIT_EVERY_S, Recording
from toolkit.store.writing import (
    Head,
    Writer,
    insert_head,
    insert_records,
    insert_spans,
    note_client,
    note_end,
    note_progress,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from toolkit.replay.records import Provenance, RequestRecord, ResidencySpan
    from toolkit.store.row import RunRow

_NEWEST_FIRST = "ORDER BY stored_ns DESC, key DESC"


def open_store(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    clock_ns: Callable[[], int] = time.time_ns,
    commit_every_s: float = COMMIT_EVERY_S,
) -> RunStore:
    """Open the store at `path`, else where `HOTSWAP_STORE` says, else `reports/runs.db`; it is made if absent.

    Runs whose process was killed are marked incomplete. `clock_ns` is the wall clock, nanoseconds since 1970;
    `commit_every_s` is the most that a run which is being played can lose if its process is killed.

    Raises:
        StoreError: the file cannot be opened, or is no store of this or an older version.
    """
    return RunStore(store_path(path, os.environ if environment is None else environment), clock_ns, commit_every_s)


class RunStore:
    """All runs. A *ref* is an id, at least four characters of its beginning, a tag, or `latest`.

    Methods that take a ref raise UsageError if it names no run or several; all raise StoreError if the file fails.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int], commit_every_s: float) -> None:
        self.path = path
        self._commit_every_s = commit_every_s
        self._clock_ns = clock_ns
        self._writer = Writer(platform.node(), os.getpid())
        self._connection = connect(path, clock_ns())
        with explained(path):
            close_orphans(self._connection, clock_ns(), self._writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def runs(self) -> tuple[RunRow, ...]:
        """All runs, the newest first."""
        with explained(self.path):
            return tuple(row for _, row in read_rows(self._connection, _NEWEST_FIRST))

    def find(self, ref: str) -> RunRow:
        """The run that a ref names."""
        with explained(self.path):
            key = find_key(self._connection, ref, self.path)
            ((_, row),) = read_rows(self._connection, "WHERE key = ?", (key,))
            return row

    def repeats(self, ref: str) -> tuple[RunRow, ...]:
        """The run and its repetitions: those of the same call of a command, under the same strategy, in order."""
        row = self.find(ref)
        with explained(self.path):
            rest = "WHERE batch = ? AND strategy = ? ORDER BY repetition, key"
            return tuple(each for _, each in read_rows(self._connection, rest, (row.batch, row.strategy)))

    def batch(self, ref: str) -> tuple[RunRow, ...]:
        """All runs of the same call of a command, in the order of playing."""
        row = self.find(ref)
        with explained(self.path):
            return tuple(each for _, each in read_rows(self._connection, "WHERE batch = ? ORDER BY key", (row.batch,)))

    def load(self, ref: str) -> Run:
        """The whole run, all records in memory; about 0.6 GB for a million. `records` takes one at a time."""
        row = self.find(ref)
        records, spans = tuple(self.records(row.id)), self.spans(row.id)
        return Run(
            row.strategy,
            row.repetition,
            records,
            spans,
            last_known_ns(records) if row.end_ns is None else row.end_ns,
            complete=row.complete,
            provenance=row.provenance,
            client=row.client,
        )

    def records(self, ref: str) -> Iterator[RequestRecord]:
        """The records of a run in the order of writing, in bounded memory."""
        with explained(self.path):
            yield from read_records(self._connection, find_key(self._connection, ref, self.path))

    def spans(self, ref: str) -> tuple[ResidencySpan, ...]:
        """The spans of residency of a run."""
        with explained(self.path):
            return tuple(read_spans(self._connection, find_key(self._connection, ref, self.path)))

    def add(self, run: Run, *, batch: str | None = None) -> RunRow:
        """Store a finished run in one transaction; one that is there already is returned as it is.

        An earlier copy that is incomplete and has fewer records is replaced. `batch` is the id of the first run of
        the same call of a command, None if this is the first. Tags of an earlier copy stay.
        """
        found = run_id(run)
        with explained(self.path), transaction(self._connection):
            held = read_rows(self._connection, "WHERE id = ?", (found,))
            if held and not _is_better(run, held[0][1]):
                return held[0][1]
            tags = held[0][1].tags if held else ()
            if held:
                self._connection.execute("DELETE FROM runs WHERE key = ?", (held[0][0],))
            head = Head(found, batch or found, run.strategy, run.repetition, run.provenance)
            key = insert_head(self._connection, head, self._clock_ns(), self._writer)
            insert_records(self._connection, key, 0, run.records)
            insert_spans(self._connection, key, 0, run.residency)
            if run.client is not None:
                note_client(self._connection, key, run.client)
            note_progress(self._connection, key, len(run.records), self._clock_ns())
            note_end(self._connection, key, run.end_ns, complete=run.complete)
            self._connection.executemany("INSERT INTO tags VALUES (?, ?)", [(tag, key) for tag in tags])
        return self.find(found)

    def record(self, strategy: str, repetition: int, provenance: Provenance, *, batch: str | None = None) -> Recording:
        """Begin a run that is stored while it is played; its row is there when this returns."""
        found = begun_id(strategy, repetition, provenance)
        with explained(self.path), transaction(self._connection):
            earlier = 0
            while read_rows(self._connection, "WHERE id = ?", (found,)):  # begun twice within a second
                earlier += 1
                found = begun_id(f"{strategy} {earlier}", repetition, provenance)
            head = Head(found, batch or found, strategy, repetition, provenance)
            key = insert_head(self._connection, head, self._clock_ns(), self._writer)
        return Recording(self.path, found, key, self._clock_ns, self._commit_every_s)

    def tag(self, ref: str, name: str) -> RunRow:
        """Give a run a tag; a tag names one run, so another that had it loses it."""
        problem = tag_problem(name)
        if problem is not None:
            raise UsageError(f"tag {name!r}: {problem}")
        with explained(self.path), transaction(self._connection):
            key = find_key(self._connection, ref, self.path)
            self._connection.execute("INSERT OR REPLACE INTO tags VALUES (?, ?)", (name, key))
        return self.find(name)

    def untag(self, name: str) -> None:
        """Take a tag away; the run stays. Raises UsageError if there is no such tag."""
        with explained(self.path), transaction(self._connection):
            if self._connection.execute("DELETE FROM tags WHERE name = ?", (name,)).rowcount == 0:
                raise UsageError(f"{self.path}: there is no tag {name!r}; `hotswap runs list` shows the tags")

    def remove(self, ref: str) -> RunRow:
        """Remove a run with everything that belongs to it, and give the room back; returns what it was."""
        row = self.find(ref)
        with explained(self.path):
            with transaction(self._connection):
                self._connection.execute("DELETE FROM runs WHERE id = ?", (row.id,))
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
        return row


def _is_better(run: Run, held: RunRow) -> bool:
    """Whether a run has what the stored copy of it, cut short by a kill, lacks."""
    return held.state == "incomplete" and (run.complete or len(run.records) > held.record_count)
