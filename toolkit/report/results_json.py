"""A comparison as plain JSON values, for `results.json` and `compare --json`; see docs/results-schema.md."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from toolkit.report.measures import is_complete, share_of_least_loading, share_of_optimum
from toolkit.report.verdict import leaders

if TYPE_CHECKING:
    from toolkit.replay.records import Provenance
    from toolkit.replay.results import (
        Comparison,
        Contrast,
        Distribution,
        LeastLoading,
        Memory,
        ModelShare,
        Optimum,
        SloResult,
        StrategySummary,
        TimeSplit,
    )
    from toolkit.stats.interval import Interval

SCHEMA = 1
"""Rises when a key changes its meaning or goes away; new keys may come without it."""


def to_jsonable(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as dicts, lists, strings and numbers, keys in a fixed order; absent is None, never NaN."""
    return {
        "schema": SCHEMA,
        "title": comparison.title,
        "description": comparison.description,
        "verdict": comparison.verdict,
        "complete": is_complete(comparison),
        "leaders": list(leaders(comparison)),
        "strategies": {one.strategy: _strategy(one, comparison.optimum) for one in comparison.strategies},
        "optimum": _optimum(comparison.optimum),
        "co_residence": [list(one.models) for one in comparison.co_residence],
        "context_tokens": dict(comparison.context_tokens),
        "memory": _memory(comparison.memory),
        "provenance": _provenance(comparison.provenance),
        "notes": list(comparison.notes),
        "contrasts": [_contrast(one) for one in comparison.contrasts],
    }


def _memory(memory: Memory | None) -> dict[str, Any] | None:
    if memory is None:
        return None
    return {
        "gpu_bytes": memory.gpu_bytes,
        "models": [
            {
                "model": one.model,
                "num_ctx": one.num_ctx,
                "taken_bytes": one.taken_bytes,
                "predicted_bytes": one.predicted_bytes,
                "left_layers": one.left_layers,
                "estimated": one.estimated or None,
            }
            for one in memory.models
        ],
        "sets": [{"models": list(one.models), "verdict": one.verdict} for one in memory.sets],
    }


def to_json(comparison: Comparison) -> str:
    """Return the text of `results.json`: ASCII only, so that no name can break it, and a line break at the end."""
    return json.dumps(to_jsonable(comparison), indent=2, allow_nan=False) + "\n"


def _number(value: float | None) -> float | None:
    """Keep nanoseconds, drop the dust of binary fractions behind them, and let nothing infinite out."""
    return None if value is None or not math.isfinite(value) else round(value, 9)


def _strategy(one: StrategySummary, optimum: Optimum | None) -> dict[str, Any]:
    return {
        "runs": one.runs,
        "requests": one.requests,
        "answered": one.answered,
        "rejected": one.rejected,
        "failed": one.failed,
        "cancelled": one.cancelled,
        "unanswered": one.unanswered,
        "hits": one.hits,
        "joined": one.joined,
        "hit_rate": _number(one.hit_rate),
        "share_of_optimum": _number(share_of_optimum(one, optimum)),
        "share_of_least_loading": _number(share_of_least_loading(one, optimum)),
        "swaps": one.swaps,
        "reloads": one.reloads,
        "evictions": one.evictions,
        "wait_s": _distribution(one.wait),
        "wait_means_s": [_number(mean_s) for mean_s in one.wait_means_s],
        "wait_cold_s": _distribution(one.wait_cold),
        "ttft_cold_s": _distribution(one.ttft_cold),
        "ttft_warm_s": _distribution(one.ttft_warm),
        "e2e_s": _distribution(one.e2e),
        "split_cold_s": _split(one.split_cold),
        "split_all_s": _split(one.split_all),
        "models": [_model(share) for share in one.models],
        "slos": [_slo(slo) for slo in one.slos],
    }


def _distribution(values: Distribution | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {
        "count": values.count,
        "mean": _number(values.mean_s),
        "p50": _number(values.p50_s),
        "p95": _number(values.p95_s),
        "max": _number(values.max_s),
    }


def _split(split: TimeSplit) -> dict[str, Any]:
    return {
        "queue": _number(split.queue_s),
        "evict": _number(split.evict_s),
        "load": _number(split.load_s),
        "slot": _number(split.slot_s),
        "prefill": _number(split.prefill_s),
        "decode": _number(split.decode_s),
    }


def _model(share: ModelShare) -> dict[str, Any]:
    return {
        "model": share.model,
        "requests": share.requests,
        "hits": share.hits,
        "loads": share.loads,
        "resident_s": _number(share.resident_s),
    }


def _slo(slo: SloResult) -> dict[str, Any]:
    return {
        "metric": slo.metric,
        "limit_s": _number(slo.limit_s),
        "promised_share": _number(slo.promised_share),
        "kept_share": _number(slo.kept_share),
        "kept": slo.kept,
    }


def _contrast(one: Contrast) -> dict[str, Any]:
    return {
        "strategy": one.strategy,
        "against": one.against,
        "figure": one.figure,
        "unit": one.unit,
        "repetitions": one.repetitions,
        "median": _number(one.median),
        "interval": _interval(one.interval),
        "change": None if one.change is None else _number(one.change.estimate),
        "change_interval": _interval(one.change),
        "p": _number(one.p),
        "verdict": one.verdict,
    }


def _interval(of: Interval | None) -> list[float | None] | None:
    return None if of is None else [_number(of.low), _number(of.high)]


def _optimum(optimum: Optimum | None) -> dict[str, Any] | None:
    if optimum is None:
        return None
    return {
        "requests": optimum.requests,
        "hits": optimum.hits,
        "hit_rate": _number(optimum.hit_rate),
        "method": optimum.method,
        "of": optimum.of,
        "reached": optimum.reached,
        "loading": _loading(optimum.loading),
    }


def _loading(loading: LeastLoading | None) -> dict[str, Any] | None:
    if loading is None:
        return None
    return {
        "seconds": _number(loading.seconds),
        "method": loading.method,
        "reached_s": _number(loading.reached_s),
        "load_s": {name: _number(load_s) for name, load_s in loading.load_s},
    }


def _provenance(source: Provenance) -> dict[str, Any]:
    return {
        "toolkit_version": source.toolkit_version,
        "host": source.host,
        "server_version": source.server_version,
        "profile": source.profile,
        "models": [{"model": name, "digest": digest} for name, digest in source.models],
        "options": dict(source.options),
        "environment": dict(source.environment),
        "hardware": source.hardware,
        "plan": source.plan,
        "plan_sha256": source.plan_sha256,
        "seed": source.seed,
        "repeat": source.repeat,
        "started_at": source.started_at,
        "notes": list(source.notes),
    }
