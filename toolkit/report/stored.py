"""Stored runs for the terminal and for machines: the list, and one run with its numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from toolkit.report.wording import ABSENT, count, duration, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.replay.samples import Estimate, RunSamples
    from toolkit.report.trust import Trust
    from toolkit.stats.interval import Interval
    from toolkit.store import RunRow

NS_PER_S = 1_000_000_000
_NAME, _HOST = 20, 24
_SIGNS = {"void": "✗", "caution": "!", "fine": "✓"}


def list_text(rows: Sequence[RunRow]) -> str:
    """One run a line, the newest first."""
    if not rows:
        return "no runs yet: `hotswap compare` and `hotswap replay` store them"
    heading = ("id", "stored (UTC)", "plan", "strategy", "repeat", "host", "requests", "state", "tags")
    cells = [heading, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    return "\n".join("  ".join(_padded(row, widths)).rstrip() for row in cells)


def list_data(rows: Sequence[RunRow]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [row_data(row) for row in rows]


def row_data(row: RunRow) -> dict[str, Any]:
    """A run without its records."""
    source = row.provenance
    return {
        "id": row.id,
        "batch": row.batch,
        "tags": list(row.tags),
        "stored": _moment(row.stored_ns),
        "state": row.state,
        "plan": source.plan,
        "plan_sha256": source.plan_sha256,
        "strategy": row.strategy,
        "repetition": row.repetition,
        "seed": source.seed,
        "host": source.host,
        "server_version": source.server_version,
        "hardware": source.hardware,
        "toolkit_version": source.toolkit_version,
        "toolkit_commit": source.toolkit_commit,
        "started_at": source.started_at,
        "requests": row.record_count,
        "void": list(row.client.void) if row.client is not None else [],
    }


def run_text(row: RunRow, samples: RunSamples, found: Sequence[Estimate], trust: Trust) -> str:
    """One run: what it was, whether to trust it, and its numbers with their intervals."""
    return "\n".join([*_head(row), "", *_trust_lines(trust), "", *_counts(samples), *_numbers(found)])


def run_data(row: RunRow, samples: RunSamples, found: Sequence[Estimate], trust: Trust) -> dict[str, Any]:
    """The same for machines."""
    return {
        **row_data(row),
        "models": dict(row.provenance.models),
        "options": dict(row.provenance.options),
        "environment": dict(row.provenance.environment),
        "trust": {"level": trust.level, "findings": [finding._asdict() for finding in trust.findings]},
        "outcomes": dict(sorted(samples.outcomes.items())),
        "temperatures": dict(sorted(samples.temperatures.items())),
        "phases": dict(sorted(samples.phases.items())),
        "metrics": {one.key: _estimate_data(one) for one in found},
    }


def _cells(row: RunRow) -> tuple[str, ...]:
    state = "void" if row.client is not None and row.client.void else row.state
    return (
        row.id,
        _moment(row.stored_ns)[:16].replace("T", " "),
        shortened(row.provenance.plan, _NAME),
        shortened(row.strategy, _NAME),
        f"{row.repetition + 1}/{row.provenance.repeat}",
        shortened(row.provenance.host.removeprefix("http://"), _HOST),
        count(row.record_count),
        state,
        plain(", ".join(row.tags)),
    )


def _padded(row: tuple[str, ...], widths: list[int]) -> list[str]:
    numeric = 6
    return [
        cell.rjust(width) if column == numeric else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _head(row: RunRow) -> list[str]:
    source = row.provenance
    commit = "" if source.toolkit_commit is None else f", commit {source.toolkit_commit[:12]}"
    repeat = f", repetition {row.repetition + 1} of {source.repeat}" if source.repeat > 1 else ""
    pairs = (
        ("tags", ", ".join(row.tags)),
        ("stored", f"{_moment(row.stored_ns)[:19].replace('T', ' ')} UTC"),
        ("host", f"{source.host}, Ollama {source.server_version}, {source.hardware}"),
        ("models", ", ".join(f"{name} ({digest[:12]})" for name, digest in source.models)),
        ("options", ", ".join(f"{name}={value}" for name, value in source.options)),
        ("plan", f"{source.plan}, seed {source.seed}, sha256 {source.plan_sha256[:12]}"),
        ("toolkit", f"hotswap {source.toolkit_version}{commit}"),
    )
    first = f"run {row.id}: {source.plan} under {row.strategy}{repeat}, {row.state}"
    return [plain(first), *(f"  {name:<8} {plain(text)}" for name, text in pairs if text)]


def _trust_lines(trust: Trust) -> list[str]:
    lines = [f"  {_SIGNS[finding.level]} {plain(finding.text)}" for finding in trust.findings]
    return [f"Can I trust it? {trust.verdict}", *lines]


def _counts(samples: RunSamples) -> list[str]:
    outcomes = ", ".join(f"{number:,} {name}" for name, number in samples.outcomes.most_common())
    found = ", ".join(f"{number:,} {name}" for name, number in samples.temperatures.most_common())
    return [f"{count(samples.requests)} requests: {outcomes}", *([f"answered: {found}"] if found else [])]


def _numbers(found: Sequence[Estimate]) -> list[str]:
    if not found:
        return []
    heading = ("", "median", "[95 %]", "p95", "[95 %]", "p99", "max", "samples")
    rows = [heading, *map(_number_cells, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heading))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [
        "",
        *lines,
        "",
        "A dash: too few samples to bound this quantile. Latencies count from the intended arrival.",
    ]


def _number_cells(one: Estimate) -> tuple[str, ...]:
    return (
        one.title,
        _middle(one.median),
        _bounds(one.median),
        _middle(one.p95),
        _bounds(one.p95),
        _middle(one.p99),
        duration(one.most_s),
        count(one.count),
    )


def _middle(interval: Interval | None) -> str:
    return ABSENT if interval is None else duration(interval.estimate)


def _bounds(interval: Interval | None) -> str:
    return "" if interval is None else f"{duration(interval.low)} … {duration(interval.high)}"


def _estimate_data(one: Estimate) -> dict[str, Any]:
    return {
        "count": one.count,
        "median": _interval_data(one.median),
        "p95": _interval_data(one.p95),
        "p99": _interval_data(one.p99),
        "min": one.least_s,
        "max": one.most_s,
    }


def _interval_data(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level}


def _moment(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS_PER_S, UTC).isoformat()
