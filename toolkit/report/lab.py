"""What `hotswap lab` found, as a table and as JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from toolkit.report.wording import counted, percent

if TYPE_CHECKING:
    from toolkit.cache.offline import Ceiling
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
            name, f"{tally.hits:,}", percent(tally.hit_rate or 0.0), _of_best(report, tally), *_row(report, tally)
        )
    if report.optimum is not None:
        table.add_row(*_best_row(report, report.optimum))
    buffer = io.StringIO()
    console = Console(file=buffer, width=_WIDTH, color_system=None)
    for part in (_sentence(report), "", table, "", *_about_the_best(report), *report.notes):
        console.print(part, markup=False, highlight=False, emoji=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().split("\n"))


def as_json(report: LabReport) -> str:
    """One document: `requests`, and for each policy its counts; `opt` says whether it is exact or a bound.

    The most hits and the least loading are two optima: no single sequence of loads need have both.
    """
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
            "share_of_optimum": _share_of_hits(report, tally),
            "share_of_least_load": _share_of_loading(report, tally),
        }
    best, floor = report.optimum, report.floor
    if best is not None:
        policies["opt"] = {"hits": best.hits, "hit_rate": best.hit_rate, "method": best.method, "reached": best.reached}
    if floor is not None:
        policies["opt"] |= {
            "load_s": floor.load_ns / _NS_PER_S,
            "load_method": floor.method,
            "load_s_reached": floor.reached_ns / _NS_PER_S,
        }
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
        counted(report.capacity.size_bytes, "model")
        if report.unit
        else f"{report.capacity.size_bytes / (1 << 30):.1f} GiB"
    )
    asked = f"{counted(report.requests, 'request')} for {counted(report.models, 'model')}"
    about = f"{report.workload}: {asked}, room for {room}."
    if not report.policies:
        return about
    name, tally = max(report.policies, key=lambda each: each[1].hits)
    alike = len(report.policies) > 1 and len({each.hits for _, each in report.policies}) == 1
    best = (
        f" {'All policies find alike' if alike else f'{name} finds most'}: {percent(tally.hit_rate or 0.0)} in memory"
    )
    if report.optimum is None:
        return f"{about}{best}."
    share = _share_of_hits(report, tally)
    of = "and nobody could have found any" if share is None else f"{percent(share)} of what is achievable"
    return f"{about}{best}, {of}{_least_loading(report)}."


def _least_loading(report: LabReport) -> str:
    if report.floor is None:
        return ""
    name, tally = min(report.policies, key=lambda each: each[1].load_ns)
    alike = len(report.policies) > 1 and len({each.load_ns for _, each in report.policies}) == 1
    who = "all load" if alike else f"{name} loads least,"
    least = "the least possible" if report.floor.method == "exact" else "at least"
    return f"; {who} {_seconds(tally.load_ns)} ({least}: {_seconds(report.floor.load_ns)})"


def _best_row(report: LabReport, best: Ceiling) -> tuple[str, ...]:
    name = "opt" if best.method == "exact" else "opt, at most"
    row = (name, f"{best.hits:,}", percent(best.hit_rate or 0.0), percent(1.0), f"{best.requests - best.hits:,}")
    if report.floor is None:
        return row
    return (*row, "", "", _seconds(report.floor.load_ns), percent(1.0))


def _about_the_best(report: LabReport) -> tuple[str, ...]:
    """What the last row does not say by itself."""
    best, floor = report.optimum, report.floor
    told = []
    if floor is not None:
        told.append("opt: the most hits and the least loading are two optima; no one sequence of loads need have both.")
    if best is not None and best.method == "bound" and best.reached is not None:
        told.append(f"Hits: nobody can have more than {best.hits:,}, and {best.reached:,} are known to be possible.")
    if floor is not None and floor.method == "bound":
        low, high = _seconds(floor.load_ns), _seconds(floor.reached_ns)
        told.append(f"Loading: nobody can do with less than {low}, and {high} are known to be enough.")
    return tuple(told)


def _share_of_hits(report: LabReport, tally: Tally) -> float | None:
    """By loads: a model that was brought in before it was asked for was loaded all the same."""
    if report.optimum is None:
        return None
    return report.optimum.share(tally.requests - tally.loads - tally.prefetches)


def _share_of_loading(report: LabReport, tally: Tally) -> float | None:
    return None if report.floor is None else report.floor.share(tally.load_ns)


def _of_best(report: LabReport, tally: Tally) -> str:
    share = _share_of_hits(report, tally)
    return "-" if share is None else percent(share)


def _sized_headings(report: LabReport) -> tuple[str, ...]:
    if report.unit:
        return ()
    return ("GB loaded", "loading") if report.floor is None else ("GB loaded", "loading", "of best")


def _row(report: LabReport, tally: Tally) -> tuple[str, ...]:
    counts = (f"{tally.loads + tally.prefetches:,}", f"{tally.evictions + tally.expiries:,}")
    if report.unit:
        return counts
    share = _share_of_loading(report, tally)
    shares = () if report.floor is None else ("-" if share is None else percent(share),)
    return (*counts, f"{tally.bytes_loaded / _GB:,.0f}", _seconds(tally.load_ns), *shares)


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / _NS_PER_S:,.0f} s"
