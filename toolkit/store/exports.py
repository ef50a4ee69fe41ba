"""Stored runs as files for others: JSON Lines (nothing is lost), CSV (records only), Parquet (nothing is lost).

Records are read and written in bounded memory, however many a run has. The columns of CSV and Parquet are those of a
record, in its order, after `run`, `strategy` and `repetition`. In CSV absent is an empty field, lists are JSON.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, fields
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TextIO

from toolkit.errors import UsageError
from toolkit.replay.records import RequestRecord
from toolkit.replay.runfile import RunWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from toolkit.store.row import RunRow
    from toolkit.store.runs import RunStore

FORMATS = ("jsonl", "csv", "parquet")
RUN_COLUMNS = ("run", "strategy", "repetition")
RECORD_FIELDS = tuple(field.name for field in fields(RequestRecord))
PARQUET_KEY = b"hotswap"
"""Key of the metadata of a Parquet file: for each run what is not in its records, as JSON."""

_LIST_FIELDS = frozenset({"unloaded_before", "preloaded_after", "evicted"})
_NUMBER_LISTS = frozenset({"token_ns"})
_NUMBERS = frozenset({"rule", "prompt_tokens", "output_tokens"})
_FLAGS = frozenset({"prompt_cached"})
_ROWS_AT_ONCE = 20_000


def export_jsonl(store: RunStore, rows: Sequence[RunRow], file: TextIO) -> None:
    """Write runs one after the other in the format of `run.jsonl`, with id, batch and tags in each first line."""
    for row in rows:
        more = {"id": row.id, "batch": row.batch, "tags": list(row.tags)}
        writer = RunWriter(file, row.strategy, row.repetition, row.provenance, **more)
        for record in store.records(row.id):
            writer.record(record)
        for span in store.spans(row.id):
            writer.span(span)
        if row.client is not None:
            writer.client(row.client)
        if row.end_ns is not None:
            writer.end(row.end_ns, complete=row.complete)


def export_csv(store: RunStore, rows: Sequence[RunRow], file: TextIO) -> None:
    """Write the records of runs under one heading. Provenance stays behind: a CSV has no place for it."""
    writer = csv.writer(file, lineterminator="\r\n")  # as RFC 4180 has it; with "\n" a lone "\r" would go unquoted
    writer.writerow((*RUN_COLUMNS, *RECORD_FIELDS))
    pick = attrgetter(*RECORD_FIELDS)
    for row in rows:
        about = (row.id, row.strategy, row.repetition)
        writer.writerows((*about, *map(_csv_cell, pick(record))) for record in store.records(row.id))


def export_parquet(store: RunStore, rows: Sequence[RunRow], path: Path) -> None:
    """Write the records of runs as one table; provenance, residency and health stand in the file's metadata.

    Raises:
        UsageError: pyarrow is not installed.
    """
    pq, schema = _parquet(), _schema()
    heads = [_head(store, row) for row in rows]
    metadata = {PARQUET_KEY: json.dumps(heads, ensure_ascii=False, default=list).encode()}
    with pq.ParquetWriter(path, schema.with_metadata(metadata), compression="zstd") as writer:
        for row in rows:
            records = store.records(row.id)
            while batch := list(islice(records, _ROWS_AT_ONCE)):
                writer.write_batch(_batch(row, batch, schema))


def _csv_cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else value


def _head(store: RunStore, row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "batch": row.batch,
        "tags": row.tags,
        "strategy": row.strategy,
        "repetition": row.repetition,
        "provenance": asdict(row.provenance),
        "residency": [asdict(span) for span in store.spans(row.id)],
        "client": None if row.client is None else asdict(row.client),
        "end_ns": row.end_ns,
        "complete": row.complete,
        "record_count": row.record_count,
    }


def _parquet() -> Any:
    """The module that writes Parquet, which is an extra."""
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed: pip install 'hotswap-toolkit[parquet]', or --format csv"
        ) from None
    return pq


def _schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    def kind(name: str) -> pa.DataType:
        if name in _LIST_FIELDS:
            return pa.list_(pa.string())
        if name in _NUMBER_LISTS:
            return pa.list_(pa.int64())
        if name in _FLAGS:
            return pa.bool_()
        return pa.int64() if name.endswith("_ns") or name in _NUMBERS else pa.string()

    about = [("run", pa.string()), ("strategy", pa.string()), ("repetition", pa.int32())]
    return pa.schema([*about, *((name, kind(name)) for name in RECORD_FIELDS)])


def _batch(row: RunRow, records: Sequence[RequestRecord], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    about = [[row.id] * len(records), [row.strategy] * len(records), [row.repetition] * len(records)]
    columns = [[getattr(record, name) for record in records] for name in RECORD_FIELDS]
    arrays = [pa.array(column, kind) for column, kind in zip([*about, *columns], schema.types, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def read_parquet(path: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """What `export_parquet` wrote: for each run its head and the rows of its records.

    Raises:
        UsageError: pyarrow is not installed, or the file is not an export.
    """
    pq = _parquet()
    import pyarrow as pa  # noqa: PLC0415 - an extra

    try:
        with pq.ParquetFile(path) as file:
            heads = json.loads((file.schema_arrow.metadata or {})[PARQUET_KEY])
            rows = (row for batch in file.iter_batches() for row in batch.select(RECORD_FIELDS).to_pylist())
            for head in heads:
                yield head, list(islice(rows, head["record_count"]))
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise UsageError(f"{path}: not a Parquet file that `hotswap runs export` wrote") from error
