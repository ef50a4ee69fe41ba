"""A plan as one JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.plan.tally import kept_share, offered_per_h, ttft_quantile_s
from toolkit.plan.text import load_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.answers import LoadAnswer, Report
    from toolkit.plan.case import Case
    from toolkit.plan.search import Judged
    from toolkit.workload.plan import Slo


def to_jsonable(report: Report) -> dict[str, Any]:
    """Everything, in plain values; what is not known is null."""
    return {
        "sentence": load_sentence(report.load, report),
        "workload": report.workload,
        "host": report.host,
        "slos": [{"metric": slo.metric, "limit_s": slo.limit_ns / 1e9, "share": slo.share} for slo in report.slos],
        "base_requests_per_h": report.base_per_h,
        "base_users": report.base_users,
        "load": load_jsonable(report.load, report.slos),
        "notes": list(report.notes),
    }


def load_jsonable(answer: LoadAnswer, slos: Sequence[Slo]) -> dict[str, Any]:
    """One largest load."""
    interval, checked = answer.interval, answer.checked
    return {
        "case": case_jsonable(answer.case),
        "load": answer.load,
        "requests_per_h": answer.per_h,
        "users": answer.users,
        "interval": None
        if interval is None
        else {"low": interval.low, "high": interval.high, "level": interval.level, "repetitions": interval.count},
        "confirmed": checked.confirmed if checked.at is not None else None,
        "confirmation": {
            "at": None if checked.at is None else judged_jsonable(checked.at, slos),
            "above": None if checked.above is None else judged_jsonable(checked.above, slos),
            "rounds": checked.rounds,
        },
        "open_end": checked.found.open_end,
        "failing_below": list(checked.found.failing_below),
        "curve": [judged_jsonable(one, slos) for one in answer.curve],
    }


def case_jsonable(case: Case) -> dict[str, Any]:
    """What a case sets."""
    return {"strategy": case.strategy, "num_ctx": case.num_ctx, "environment": dict(case.environment)}


def judged_jsonable(one: Judged, slos: Sequence[Slo]) -> dict[str, Any]:
    """One load."""
    return {
        "load": one.load,
        "repetitions": len(one.tallies),
        "requests": sum(tally.requests for tally in one.tallies),
        "requests_per_h": offered_per_h(one.tallies),
        "kept": one.keeps,
        "slack": one.slack,
        "kept_shares": [kept_share(one.tallies, number) for number in range(len(slos))],
        "ttft_p50_s": ttft_quantile_s(one.tallies, 0.5),
        "ttft_p95_s": ttft_quantile_s(one.tallies, 0.95),
    }
