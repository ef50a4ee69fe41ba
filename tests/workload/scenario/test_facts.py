"""Numbers that the bundled scenarios and the day curve take from recorded traces, computed again from the traces.

A comment in a scenario cites a number as `trace.fact = number`; where it stands beside a value, the value is compared
too.
"""

from __future__ import annotations

import csv
import json
import math
import re
import statistics
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from toolkit.workload.arrivals.curves import CURVES, OFFICE_CLOCK_SHIFT_H
from toolkit.workload.traces import ByRank, load_trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCENARIOS = sorted((Path(__file__).resolve().parents[3] / "scenarios").glob("*.yaml"))
FACT = re.compile(r"\b((?:azure|mooncake|alibaba)\.\w+) = (-?[0-9]+(?:\.[0-9]+)?)")
LAST_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)[^0-9]*$")
QUIET_DAYS = 4
IDLE_S = 1800
BUSY_REQUESTS = 60


def facts(traces: Path) -> dict[str, float]:
    """All facts by name, as `azure.output_p50`; seconds, tokens, or shares."""
    return {**_azure(traces), **_mooncake(traces), **_alibaba(traces)}


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def _quantiles(name: str, values: Sequence[float]) -> dict[str, float]:
    shares = {
        "min": 0.0,
        "p10": 0.1,
        "p25": 0.25,
        "p50": 0.5,
        "p75": 0.75,
        "p90": 0.9,
        "p95": 0.95,
        "p99": 0.99,
        "max": 1.0,
    }
    return {f"{name}_{label}": _quantile(values, share) for label, share in shares.items()}


def _cv(values: Sequence[float]) -> float:
    return statistics.pstdev(values) / statistics.fmean(values)


def _log_sigma(values: Sequence[float]) -> float:
    return statistics.pstdev([math.log(value) for value in values if value > 0])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _azure(traces: Path) -> dict[str, float]:
    with (traces / "azure_llm_2023_conv.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    gaps = [late - early for early, late in pairwise(_seconds(row["TIMESTAMP"]) for row in rows)]
    return {
        "azure.gap_cv": _cv(gaps),
        **_quantiles("azure.prompt", [int(row["ContextTokens"]) for row in rows]),
        **_quantiles("azure.output", [int(row["GeneratedTokens"]) for row in rows]),
    }


def _mooncake(traces: Path) -> dict[str, float]:
    rows = [json.loads(line) for line in (traces / "mooncake_conversation.jsonl").read_text().splitlines()]
    return {
        **_quantiles("mooncake.prompt", [row["input_length"] for row in rows]),
        **_quantiles("mooncake.output", [row["output_length"] for row in rows]),
    }


def _alibaba(traces: Path) -> dict[str, float]:
    with (traces / "alibaba_genai_2026_first60.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    moments = [_seconds(row["gmt_create"]) for row in rows]
    gaps = [late - early for early, late in pairwise(moments)]
    hours = [row["gmt_create"][:13] for row in rows]
    within_hour = [gap for gap, (one, other) in zip(gaps, pairwise(hours), strict=True) if one == other]
    busy = {hour for hour, count in Counter(hours).items() if count >= BUSY_REQUESTS}
    in_busy = [gap for gap, (one, other) in zip(gaps, pairwise(hours), strict=True) if one == other and one in busy]
    models = [row["checkpoint_model_version_id"] for row in rows]
    return {
        "alibaba.days": len({row["gmt_create"][:10] for row in rows}),
        "alibaba.model_change_share": _changes(models),
        "alibaba.model_change_share_by_rank_3": _changes(_folded_into_three(traces)),
        "alibaba.top_five_share": sum(count for _, count in Counter(models).most_common(5)) / len(rows),
        "alibaba.gap_p50_s": _quantile(gaps, 0.5),
        "alibaba.gap_mean_s": statistics.fmean(gaps),
        "alibaba.gap_within_hour_mean_s": statistics.fmean(within_hour),
        "alibaba.gap_within_hour_cv": _cv(within_hour),
        "alibaba.gap_busy_hour_mean_s": statistics.fmean(in_busy),
        "alibaba.gap_busy_hour_cv": _cv(in_busy),
        "alibaba.office_hours_share": _share_of_hours([row["gmt_create"] for row in rows], 8, 18),
        **_quiet_days(rows, models),
        **_people(rows, moments),
    }


def _folded_into_three(traces: Path) -> list[str]:
    path = traces / "alibaba_genai_2026_first60.csv"
    plan = load_trace(path, "alibaba-genai", models=ByRank(("x", "y", "z")), seed=1)
    return [request.model or "" for request in plan.requests]


def _changes(models: Sequence[str]) -> float:
    return sum(one != other for one, other in pairwise(models)) / (len(models) - 1)


def _share_of_hours(moments: Sequence[str], start: int, end: int) -> float:
    """Of the requests, after the shift of the clock that `toolkit.workload.arrivals.curves` explains."""
    return sum(start <= (int(moment[11:13]) + OFFICE_CLOCK_SHIFT_H) % 24 < end for moment in moments) / len(moments)


def hourly_counts(traces: Path) -> list[int]:
    """Requests in each hour of the Alibaba trace's own clock, midnight first."""
    with (traces / "alibaba_genai_2026_first60.csv").open(newline="") as file:
        counts = Counter(int(row["gmt_create"][11:13]) for row in csv.DictReader(file))
    return [counts[hour] for hour in range(24)]


def _quiet_days(rows: Sequence[dict[str, str]], models: Sequence[str]) -> dict[str, float]:
    """The trace's first days, before the service became popular."""
    per_day = Counter(row["gmt_create"][:10] for row in rows)
    quiet = sorted(per_day)[:QUIET_DAYS]
    count = sum(per_day[day] for day in quiet)
    return {
        "alibaba.quiet_day_requests_min": min(per_day[day] for day in quiet),
        "alibaba.quiet_day_requests_max": max(per_day[day] for day in quiet),
        "alibaba.quiet_days_model_change_share": _changes(models[:count]),
    }


def _people(rows: Sequence[dict[str, str]], moments: Sequence[float]) -> dict[str, float]:
    """What one user or group does: a sitting ends when nothing comes for half an hour."""
    last: dict[str, tuple[float, float]] = {}
    pauses, sittings = [], 0
    for row, moment in zip(rows, moments, strict=True):
        begun_s, exec_s = last.get(row["groupId"], (-math.inf, 0.0))
        if moment - begun_s < IDLE_S:
            pauses.append(moment - begun_s - exec_s)
        else:
            sittings += 1
        last[row["groupId"]] = (moment, float(row["exec_time_seconds"]))
    thought = [pause for pause in pauses if pause > 0]
    return {
        "alibaba.pause_p50_s": _quantile(thought, 0.5),
        "alibaba.pause_log_sigma": _log_sigma(thought),
        "alibaba.requests_per_sitting_mean": len(rows) / sittings,
        "alibaba.overlapping_share": 1 - len(thought) / len(pauses),
    }


class Citation(NamedTuple):
    """A number that a scenario cites, and the value beside it where the comment says nothing else."""

    place: str
    fact: str
    cited: str
    beside: str | None


def citations() -> Iterator[Citation]:
    for path in SCENARIOS:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            code, _, comment = line.partition("#")
            for found in FACT.finditer(comment):
                value = LAST_NUMBER.search(code) if comment.strip().startswith(found[1]) else None
                yield Citation(f"{path.name}:{number}", found[1], found[2], value[1] if value else None)


def test_every_scenario_says_which_trace_its_numbers_come_from() -> None:
    cited = {citation.place.partition(":")[0] for citation in citations()}
    assert cited == {path.name for path in SCENARIOS}
    assert {citation.fact.partition(".")[0] for citation in citations()} == {"azure", "mooncake", "alibaba"}


def test_a_value_is_the_number_cited_beside_it() -> None:
    beside = [citation for citation in citations() if citation.beside is not None]
    assert len(beside) > 40
    assert [(each.place, float(each.beside or "nan")) for each in beside] == [
        (each.place, float(each.cited)) for each in beside
    ]


@pytest.mark.shared
def test_every_cited_number_comes_out_of_the_traces(shared_dir: Path) -> None:
    known = facts(shared_dir / "data" / "traces")
    wrong = []
    for place, fact, cited, _ in citations():
        decimals = len(cited.partition(".")[2])
        if fact not in known or f"{known[fact]:.{decimals}f}" != cited:
            wrong.append(f"{place}: {fact} = {cited}, computed {known.get(fact)}")
    assert not wrong


@pytest.mark.shared
def test_the_office_curve_is_the_trace_with_its_clock_moved(shared_dir: Path) -> None:
    counts = hourly_counts(shared_dir / "data" / "traces")
    moved = [counts[(hour - OFFICE_CLOCK_SHIFT_H) % 24] for hour in range(24)]
    assert list(CURVES["office"]) == moved
