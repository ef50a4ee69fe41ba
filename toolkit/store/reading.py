"""The statements that read runs, a bounded number of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.store.codec import PACKED, RECORDS, SPANS, health_from, provenance_from
from toolkit.store.packing import unpack_ns
from toolkit.store.row import RunRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from toolkit.replay.records import RequestRecord, ResidencySpan

_ROWS_AT_ONCE = 500
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
    share = _Sharing()
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for row in rows:
            token_ns = None if row[-1] is None else unpack_ns(row[-1])
            yield RECORDS.decode([share(cell) for cell in row[:-1]], token_ns=token_ns)


def read_spans(connection: sqlite3.Connection, key: int) -> Iterator[ResidencySpan]:
    """The spans of a run in the order of writing."""
    columns = ", ".join(SPANS.columns)
    rows = connection.execute(f"SELECT {columns} FROM residency WHERE run = ? ORDER BY position", (key,))  # noqa: S608 - our own names
    return map(SPANS.decode, rows)


class _Sharing:
    """Texts that come again and again (models, reasons) are kept once: a third of the memory of a million records."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def __call__(self, cell: Any) -> Any:
        if type(cell) is not str or len(self._seen) > _ROWS_AT_ONCE:
            return self._seen.get(cell, cell) if type(cell) is str else cell
        return self._seen.setdefault(cell, cell)


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
