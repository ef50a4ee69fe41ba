"""The statements that read runs, a bounded number of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.store.codec import PACKED, RECORD_COLUMNS, RECORDS, SPANS, health_from, provenance_from
from toolkit.store.packing import unpack_ns
from toolkit.store.row import RunRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from toolkit.replay.records import RequestRecord, ResidencySpan

_ROWS_AT_ONCE = 500
_REPEATED = tuple(
    RECORD_COLUMNS.index(name)
    for name in ("model_asked", "model", "label", "reason", "temperature", "outcome", "phase")
)
"""Columns in which a few texts come again and again."""
_RUN = (
    "SELECT key, id, batch, strategy, repetition, state, stored_ns, end_ns, record_count, provenance, client,"
    " (SELECT group_concat(name, char(10)) FROM (SELECT name FROM tags WHERE tags.run = runs.key ORDER BY name))"
    " FROM runs"
)


def read_rows(connection: sqlite3.Connection, rest: str = "", values: tuple[Any, ...] = ()) -> list[tuple[int, RunRow]]:
    """Keys and rows of runs; `rest` is what follows `FROM runs`."""
    return [(row[0], _row(row)) for row in connection.execute(f"{_RUN} {rest}", values)]


def read_records(connection: sqlite3.Connection, key: int) -> Iterator[RequestRecord]:
    """The records of a run in the order of writing."""
    columns = ", ".join(f"records.{name}" for name in RECORDS.columns)
    cursor = connection.execute(
        f"SELECT {columns}, samples.packed FROM records LEFT JOIN samples"  # noqa: S608 - our own names
        " ON samples.run = records.run AND samples.position = records.position AND samples.name = ?"
        " WHERE records.run = ? ORDER BY records.position",
        (PACKED, key),
    )
    shared: dict[str, str] = {}
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        if len(shared) > _ROWS_AT_ONCE:
            shared.clear()
        for *cells, packed in rows:
            for place in _REPEATED:  # one copy of each: a third of the memory of a million records
                if cells[place] is not None:
                    cells[place] = shared.setdefault(cells[place], cells[place])
            yield RECORDS.decode(cells, token_ns=None if packed is None else unpack_ns(packed))


def read_spans(connection: sqlite3.Connection, key: int) -> Iterator[ResidencySpan]:
    """The spans of a run in the order of writing."""
    columns = ", ".join(SPANS.columns)
    rows = connection.execute(f"SELECT {columns} FROM residency WHERE run = ? ORDER BY position", (key,))  # noqa: S608 - our own names
    return map(SPANS.decode, rows)


def _row(row: tuple[Any, ...]) -> RunRow:
    _, id_, batch, strategy, repetition, state, stored_ns, end_ns, count, provenance, client, tags = row
    return RunRow(
        id_,
        batch,
        strategy,
        repetition,
        state,
        stored_ns,
        end_ns,
        count,
        provenance_from(provenance),
        health_from(client),
        tuple(tags.split("\n")) if tags else (),
    )
