"""What `hotswap lab` found, as a table and as JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from toolkit.report.wording import percent

if TYPE_CHECKING:
    from toolkit.experiment.lab import LabReport
    from toolkit.lab.cache import Tally

_WIDTH = 120
_GB = 1e9
_NS_PER_S = 1e9


def text_of(report: LabReport) -> str:
    """The best policy as a sentence, then one policy a row."""
    table = Table(box=None, header_style="", pad_edge=False)
    for heading in ("policy", "hits", "hit rate", "of best", "loads", "evicted", *_sized_headings(report)):
        table.add_column(heading, justify="left" if heading == "policy" else "right", no_wrap=True)
    for name, tally in report.policies:
        table.add_row(
            name, f"{tally.hits:,}", percent(tally.hit_rate or 0.0), _of_best(report, tally.hits), *_row(report, tally)
        )
    best = report.optimum
    if best is not None:
        name = "opt" if best.method == "exact" else "opt, at most"
        table.add_row(
            name, f"{best.hits:,}", percent(best.hit_rate or 0.0), percent(1.0), f"{best.requests - best.hits:,}"
        )
    buffer = io.StringIO()
    console = Console(file=buffer, width=_WIDTH, color_system=None)
    for part in (_sentence(report), "", table, "", *report.notes):
        console.print(part, markup=False, highlight=False, emoji=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().split("\n"))


def as_json(report: LabReport) -> str:
    """One document: `requests`, and for each policy its counts; `opt` says whether it is exact or a bound."""
    policies: dict[str, Any] = {}
    for name, tally in report.policies:
        policies[name] = {
            "hits": tally.hits,
            "hit_rate": tally.hit_rate,
            "loads": tally.loads,
            "prefetches": tally.prefetches,
            "evictions": tally.evictions,
            "expiries": tally.expiries,
            "bytes_loaded": None if report.unit else tally.bytes_loaded,
            "load_s": None if report.unit else tally.load_ns / _NS_PER_S,
            "share_of_optimum": None if report.optimum is None else report.optimum.share(tally.hits),
        }
    if report.optimum is not None:
        best = report.optimum
        policies["opt"] = {"hits": best.hits, "hit_rate": best.hit_rate, "method": best.method}
    document = {
        "workload": report.workload,
        "requests": report.requests,
        "models": report.models,
        "capacity": {"unit": report.unit, "size": report.capacity.size_bytes, "models": report.capacity.models},
        "policies": policies,
        "notes": report.notes,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sentence(report: LabReport) -> str:
    room = (
        f"{report.capacity.size_bytes} models" if report.unit else f"{report.capacity.size_bytes / (1 << 30):.1f} GiB"
    )
    about = f"{report.workload}: {report.requests:,} requests for {report.models} models, room for {room}."
    if not report.policies:
        return about
    name, tally = max(report.policies, key=lambda each: each[1].hits)
    best = f" {name} finds most: {percent(tally.hit_rate or 0.0)} in memory"
    if report.optimum is None:
        return f"{about}{best}."
    return f"{about}{best}, {_of_best(report, tally.hits)} of what is achievable."


def _of_best(report: LabReport, hits: int) -> str:
    share = None if report.optimum is None else report.optimum.share(hits)
    return "-" if share is None else percent(share)


def _sized_headings(report: LabReport) -> tuple[str, ...]:
    return () if report.unit else ("GB loaded", "loading")


def _row(report: LabReport, tally: Tally) -> tuple[str, ...]:
    counts = (f"{tally.loads + tally.prefetches:,}", f"{tally.evictions + tally.expiries:,}")
    if report.unit:
        return counts
    return (*counts, f"{tally.bytes_loaded / _GB:,.0f}", f"{tally.load_ns / _NS_PER_S:,.0f} s")
