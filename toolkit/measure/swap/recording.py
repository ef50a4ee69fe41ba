"""`swap_matrix.csv`: one row a sample, in the columns of a recording, so that `hotswap calibrate` reads it.

`kind` is load_cold (from disk), load_warm (from the page cache), load (it is not known from where), resident, swap (the
old model had gone afterwards) or beside (it had not: no swap). `page_cached_before` is 0 or 1 by the cache state's
label, empty if that is unknown; `cache` and `cache_how` after the columns of a recording say what the label rests on.
Times are seconds, an empty field is absent.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from toolkit.measure.swap.cache_state import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.measure.swap.matrix import Row

FILE_NAME: Final = "swap_matrix.csv"
COLUMNS: Final = (
    "kind",
    "from",
    "to",
    "rep",
    "file_bytes",
    "page_cached_before",
    "status",
    "client_headers_s",
    "client_first_chunk_s",
    "client_total_s",
    "total_duration_s",
    "load_duration_s",
    "prompt_eval_count",
    "prompt_eval_s",
    "eval_count",
    "eval_s",
    "ps_before",
    "ps_after",
    "loadavg1",
    "cpu_busy_frac",
    "sent_at",
    "cache",
    "cache_how",
)
_LOADS: Final = {State.DISK: "load_cold", State.PAGES: "load_warm"}
_CACHED: Final = {State.DISK: "0.0", State.PAGES: "1.0", State.RESIDENT: "1.0"}
_NS_PER_S: Final = 1_000_000_000


def csv_text(rows: Iterable[Row]) -> str:
    """The whole file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_fields(row) for row in rows)
    return out.getvalue()


def kind_of(row: Row) -> str:
    """The kind of a row, as recordings call it."""
    move = row.sample.move
    if move.kind == "load":
        return _LOADS.get(row.label.state, "load")
    if move.kind == "swap":
        return "swap" if row.sample.evicted else "beside"
    return "resident" if row.label.state is State.RESIDENT else "load"


def _fields(row: Row) -> tuple[object, ...]:
    sample, counters, move = row.sample, row.sample.counters, row.sample.move
    return (
        kind_of(row),
        "" if move.kind == "resident" else move.before or "",
        move.model,
        move.round,
        sample.file_bytes,
        _CACHED.get(row.label.state, ""),
        200,
        _seconds(sample.headers_ns),
        _seconds(sample.first_token_ns),
        _seconds(sample.done_ns),
        _seconds(counters.total_ns),
        _seconds(counters.load_ns),
        _plain(counters.prompt_eval_count),
        _seconds(counters.prompt_eval_ns),
        _plain(counters.eval_count),
        _seconds(counters.eval_ns),
        ";".join(sample.listed_before),
        ";".join(sample.listed_after),
        "",
        "",
        f"{sample.sent_at_unix_ns / _NS_PER_S:.6f}",
        row.label.state.value,
        row.label.how,
    )


def _seconds(value_ns: int | None) -> str:
    return "" if value_ns is None else f"{value_ns / _NS_PER_S:.6f}"


def _plain(value: int | None) -> str:
    return "" if value is None else str(value)
