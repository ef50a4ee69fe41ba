"""A run that is stored while it is played, without getting into the way of the one who plays it.

The player's calls only put things into a queue. A thread with a connection of its own takes them out and commits
at least twice a second, so a process that is killed loses less than the last second. The two share the interpreter, and
whoever has it is asked for it only after milliseconds. So the thread is not woken for each record, and sleeps after
every few that it has stored, until the run is over: it holds up an event loop by a fraction of a millisecond.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from toolkit.replay.records import ClientHealth, RequestRecord, ResidencySpan
from toolkit.store.connection import StoreError, connect, explained, transaction
from toolkit.store.writing import insert_records, insert_spans, note_client, note_end, note_left, note_progress

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

COMMIT_EVERY_S = 0.5
_MOST_AT_ONCE = 5000
"""So many records make a transaction; a burst never becomes one that others wait for."""
_PAGES_AHEAD = 16_000
"""So many pages (64 MB) are written ahead before they go into the file: waiting for the disk then can hold up whoever
writes to it, and with SQLite's own 1000 a load of 800 streams a second waits every three seconds."""
_FEW = 8
_BREATH_S = 0.000_2
"""After so few records the thread sleeps so long: a second of 800 streams takes 30 ms more, a record 50 µs."""


@dataclass(frozen=True, slots=True)
class _End:
    end_ns: int
    complete: bool


@dataclass(frozen=True, slots=True)
class _Close:
    """Nothing more will come."""


_Item: TypeAlias = RequestRecord | ResidencySpan | ClientHealth | _End | _Close


class Recording:
    """Takes a run as it happens. No call waits or raises; `close` waits until everything is on disk.

    `trouble` is the sentence of the first error, None if all went well; what came after it was not stored.
    """

    def __init__(
        self, path: Path, run_id: str, key: int, clock_ns: Callable[[], int], commit_every_s: float = COMMIT_EVERY_S
    ) -> None:
        self.run_id = run_id
        self.trouble: str | None = None
        self._path = path
        self._key = key
        self._clock_ns = clock_ns
        self._commit_every_s = commit_every_s
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._closing = threading.Event()
        self._record_count = 0
        self._span_count = 0
        self._thread = threading.Thread(target=self._work, name=f"store-{run_id}", daemon=True)
        self._thread.start()

    def record(self, record: RequestRecord) -> None:
        """Keep one request."""
        self._queue.put(record)

    def span(self, span: ResidencySpan) -> None:
        """Keep one span of residency."""
        self._queue.put(span)

    def client(self, health: ClientHealth) -> None:
        """Keep what the client found out about itself."""
        self._queue.put(health)

    def end(self, end_ns: int, *, complete: bool) -> None:
        """The run is over."""
        self._queue.put(_End(end_ns, complete))

    @property
    def waiting(self) -> int:
        """How many things are in the queue: what memory the store owes."""
        return self._queue.qsize()

    def close(self) -> str | None:
        """Wait until all is stored; returns `trouble`. Without `end` before it, the run is stored as incomplete."""
        if self._thread.is_alive():
            self._queue.put(_Close())
            self._closing.set()
            self._thread.join()
        return self.trouble

    def _work(self) -> None:
        try:
            connection = connect(self._path, self._clock_ns())
            connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_AHEAD}")
            try:
                while self._some(connection):
                    pass
            finally:
                connection.close()
        except StoreError as error:
            self.trouble = str(error)

    def _some(self, connection: sqlite3.Connection) -> bool:
        """Store what came within the interval; False when nothing more will come."""
        batch = self._gathered()
        with explained(self._path), transaction(connection):
            self._store(connection, batch)
            note_progress(connection, self._key, self._record_count, self._clock_ns())
        return not any(isinstance(item, _Close) for item in batch)

    def _gathered(self) -> list[_Item]:
        """What is there after the interval, or what came with the end, which is not waited with."""
        if self._queue.qsize() < _MOST_AT_ONCE:
            self._closing.wait(self._commit_every_s)
        batch: list[_Item] = []
        try:
            while len(batch) < _MOST_AT_ONCE:
                batch.append(self._queue.get_nowait())
        except Empty:
            pass
        return batch

    def _store(self, connection: sqlite3.Connection, batch: list[_Item]) -> None:
        records = [item for item in batch if isinstance(item, RequestRecord)]
        spans = [item for item in batch if isinstance(item, ResidencySpan)]
        for few in (records[start : start + _FEW] for start in range(0, len(records), _FEW)):
            insert_records(connection, self._key, self._record_count, few)
            self._record_count += len(few)
            if not self._closing.is_set():
                time.sleep(_BREATH_S)
        insert_spans(connection, self._key, self._span_count, spans)
        self._span_count += len(spans)
        for item in batch:
            if isinstance(item, ClientHealth):
                note_client(connection, self._key, item)
            elif isinstance(item, _End):
                note_end(connection, self._key, item.end_ns, complete=item.complete)
            elif isinstance(item, _Close):
                note_left(connection, self._key)
