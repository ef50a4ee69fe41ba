"""What `hotswap lab --disciplines` found, as a table and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from toolkit.report.wording import duration

if TYPE_CHECKING:
    from toolkit.experiment.queue_lab import QueueReport, QueueTally

_WIDTH = 120


def text_of(report: QueueReport) -> str:
    """The best combination as a sentence, then one a row."""
    table = Table(box=None, header_style="", pad_edge=False)
    for heading in ("discipline", "policy", "swaps", "mean wait", "median", "p95", "longest", "at most later by"):
        left = heading in {"discipline", "policy"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in report.rows:
        seconds = (row.mean_s, row.p50_s, row.p95_s, row.max_s, row.latest_s)
        table.add_row(row.discipline, row.policy, f"{row.swaps:,}", *map(duration, seconds))
    buffer = io.StringIO()
    console = Console(file=buffer, width=_WIDTH, color_system=None)
    note = (
        "Waits: from the arrival to the model in hand, one request at a time. At most later by: the most that anybody "
        "started later than under first come first served with LRU."
    )
    for part in (_sentence(report), "", table, "", note, *report.traffic.notes):
        console.print(part, markup=False, highlight=False, emoji=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().split("\n"))


def as_json(report: QueueReport) -> str:
    """One document: the base, and one object for each combination."""
    traffic = report.traffic
    document = {
        "workload": traffic.name,
        "requests": len(traffic.jobs),
        "models": len(traffic.items),
        "capacity": {"size": traffic.capacity.size_bytes, "models": traffic.capacity.models},
        "base": asdict(report.base),
        "combinations": [asdict(row) for row in report.rows],
        "notes": traffic.notes,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sentence(report: QueueReport) -> str:
    best = min(report.rows, key=lambda row: row.mean_s)
    about = f"{report.traffic.name}: {len(report.traffic.jobs):,} requests for {len(report.traffic.items)} models."
    return f"{about} {_name(best)} waits least: {duration(best.mean_s)} in the mean; {_against(best, report.base)}."


def _against(best: QueueTally, base: QueueTally) -> str:
    under = "first come first served with LRU"
    if best.mean_s <= 0 or base.mean_s / best.mean_s < 1.05:  # noqa: PLR2004 - nobody calls 4 % a factor
        return f"under {under} it is {duration(base.mean_s)}"
    return f"under {under} it is {base.mean_s / best.mean_s:.1f} times that, {duration(base.mean_s)}"


def _name(row: QueueTally) -> str:
    return f"{row.discipline} with {row.policy}"
