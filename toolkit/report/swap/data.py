"""The swap study as JSON values: `hotswap swap --json`, and `swap.json` beside the page. Absent is null, never 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolkit.measure.swap.recording import kind_of
from toolkit.report.swap.wording import headline, notes

if TYPE_CHECKING:
    from toolkit.measure.swap.matrix import Cell, Middle, Row
    from toolkit.measure.swap.study import SwapStudy

SCHEMA: Final = 1


def to_jsonable(study: SwapStudy) -> dict[str, Any]:
    """Cells, samples, provenance and notes; durations are nanoseconds."""
    facts, order = study.facts, study.order
    return {
        "schema": SCHEMA,
        "headline": headline(study),
        "complete": study.outcome.ended is None and len(study.outcome.samples) == study.planned,
        "simulated": study.facts.simulated,
        "clocks_agree": study.clocks_agree,
        "cells": [_cell(cell) for cell in study.matrix.cells],
        "samples": [_row(row) for row in study.matrix.rows],
        "failures": [
            {"from": one.move.before, "to": one.move.model, "round": one.move.round, "why": one.why}
            for one in study.outcome.failures
        ],
        "provenance": {
            "host": facts.url,
            "server_version": facts.server_version,
            "toolkit_version": facts.toolkit_version,
            "started_at": facts.started_at,
            "seed": order.seed,
            "rounds": order.rounds,
            "options": dict(order.options),
            "ram_bytes": order.ram_bytes,
            "dropped_caches": study.dropped_caches,
            "models": [
                {"name": model.name, "digest": model.digest, "file_bytes": model.file_bytes} for model in facts.models
            ],
        },
        "notes": list(notes(study)),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "from": cell.before,
        "to": cell.model,
        "cache": cell.state.value,
        "cache_known": cell.state_known,
        "cache_how": cell.how,
        "count": cell.count,
        "evictions": cell.evictions,
        "swap_ns": _middle(cell.swap),
        "client_first_token_ns": _middle(cell.first_token),
        "parts_ns": dict(cell.parts),
        "bytes_per_s": cell.bytes_per_s,
        "bounded_by": cell.bounded_by,
        "warning": cell.warning,
    }


def _middle(value: Middle | None) -> dict[str, Any] | None:
    if value is None:
        return None
    interval = value.interval
    return {
        "median": value.median_ns,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "level": interval.level if interval else None,
        "count": value.count,
    }


def _row(row: Row) -> dict[str, Any]:
    sample, split = row.sample, row.split
    return {
        "kind": kind_of(row),
        "from": sample.move.before,
        "to": sample.move.model,
        "round": sample.move.round,
        "cache": row.label.state.value,
        "cache_known": row.label.known,
        "cache_how": row.label.how,
        "load_duration_ns": sample.counters.load_ns,
        "total_duration_ns": sample.counters.total_ns,
        "client_first_token_ns": sample.first_token_ns,
        "client_done_ns": sample.done_ns,
        "queue_ns": split.queue_ns,
        "evict_ns": split.evict_ns,
        "recovery_ns": split.recovery_ns,
        "load_ns": split.load_ns,
        "prefill_ns": split.prefill_ns,
        "first_token_ns": split.first_token_ns,
        "resolution_ns": split.resolution_ns,
        "strangers": list(sample.strangers),
        "looks": len(sample.looks),
    }
