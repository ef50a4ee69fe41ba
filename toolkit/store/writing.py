"""The statements that write runs; their callers decide what is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.store.codec import PACKED, RECORDS, SPANS, to_text
from toolkit.store.packing import pack_ns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan


_MOST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a run before its first record."""

    id: str
    batch: str
    strategy: str
    repetition: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Writer:
    """Which process writes a run: the machine's name and the process's number there."""

    host: str
    pid: int


def insert_head(connection: sqlite3.Connection, head: Head, now_ns: int, writer: Writer) -> int:
    """Begin a run; returns its key."""
    added = connection.execute(
        "INSERT INTO runs (id, batch, strategy, repetition, state, stored_ns, provenance, writer_host, writer_pid,"
        " seen_ns) VALUES (?, ?, ?, ?, 'recording', ?, ?, ?, ?, ?)",
        (
            head.id,
            head.batch,
            head.strategy,
            head.repetition,
            now_ns,
            to_text(head.provenance),
            writer.host,
            writer.pid,
            now_ns,
        ),
    )
    return int(added.lastrowid or 0)


def insert_records(connection: sqlite3.Connection, key: int, first: int, records: Sequence[RequestRecord]) -> None:
    """Append records; `first` is the position of the first of them."""
    _insert(connection, "records", RECORDS.columns, _rows(key, first, map(RECORDS.encode, records)))
    streamed = (
        (key, position, PACKED, pack_ns(record.token_ns))
        for position, record in enumerate(records, first)
        if record.token_ns is not None
    )
    connection.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", streamed)


def insert_spans(connection: sqlite3.Connection, key: int, first: int, spans: Sequence[ResidencySpan]) -> None:
    """Append spans of residency."""
    _insert(connection, "residency", SPANS.columns, _rows(key, first, map(SPANS.encode, spans)))


def note_progress(connection: sqlite3.Connection, key: int, record_count: int, now_ns: int) -> None:
    """Say how far a run is, and that its writer lives."""
    connection.execute("UPDATE runs SET record_count = ?, seen_ns = ? WHERE key = ?", (record_count, now_ns, key))


def note_client(connection: sqlite3.Connection, key: int, health: ClientHealth) -> None:
    """Keep what the client found out about itself."""
    connection.execute("UPDATE runs SET client = ? WHERE key = ?", (to_text(health), key))


def note_end(connection: sqlite3.Connection, key: int, end_ns: int, *, complete: bool) -> None:
    """End a run."""
    connection.execute(
        "UPDATE runs SET state = ?, end_ns = ? WHERE key = ?",
        ("complete" if complete else "incomplete", end_ns, key),
    )


def note_left(connection: sqlite3.Connection, key: int) -> None:
    """A run whose player left it: without an end it is incomplete."""
    connection.execute("UPDATE runs SET state = 'incomplete' WHERE key = ? AND state = 'recording'", (key,))


def _rows(key: int, first: int, encoded: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    return ((key, position, *map(_storable, row)) for position, row in enumerate(encoded, first))


def _storable(cell: Any) -> Any:
    r"""What SQLite can hold of a cell, which may come from a server that answers nonsense.

    Lone surrogates (`\ud800` in JSON) are written out, since text is UTF-8; integers end where 64 bits end.
    """
    if type(cell) is int:
        return cell if -_MOST <= cell <= _MOST else max(-_MOST, min(cell, _MOST))
    if type(cell) is str and not cell.isascii():
        return cell.encode(errors="backslashreplace").decode()
    return cell


def _insert(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Any]) -> None:
    names = ", ".join(("run", "position", *columns))
    places = ", ".join("?" * (len(columns) + 2))
    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608 - our own names
