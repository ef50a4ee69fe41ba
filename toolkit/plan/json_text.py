"""A plan as one JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.plan.sentences import sentences
from toolkit.plan.tally import kept_share, offered_per_h, ttft_quantile_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.answers import Report
    from toolkit.plan.case import Case
    from toolkit.plan.host_question import HostAnswer
    from toolkit.plan.judge import Judged
    from toolkit.plan.load_question import LoadAnswer
    from toolkit.plan.more_question import MoreAnswer
    from toolkit.plan.settings_question import SettingsAnswer
    from toolkit.workload.plan import Slo


def to_jsonable(report: Report) -> dict[str, Any]:
    """Everything, in plain values; what is not known is null."""
    return {
        "sentence": next(iter(sentences(report)), None),
        "sentences": list(sentences(report)),
        "workload": report.workload,
        "this_host": report.host,
        "slos": [{"metric": slo.metric, "limit_s": slo.limit_ns / 1e9, "share": slo.share} for slo in report.slos],
        "base_requests_per_h": report.base_per_h,
        "base_users": report.base_users,
        "load": _load(report.load, report.slos),
        "settings": None if report.settings is None else _settings(report.settings, report),
        "host": None if report.hosts is None else _hosts(report.hosts, report),
        "more": None if report.more is None else _more(report.more),
        "costs": [
            {
                "host": row.host,
                "currency": row.currency,
                "money_per_thousand": row.cost.money,
                "energy_wh_per_thousand": row.cost.energy_wh,
                "busy_share": row.cost.busy_share,
                "requests_per_h": row.cost.per_h,
            }
            for row in report.costs
        ],
        "assumptions": list(report.assumptions),
        "notes": list(report.notes),
    }


def _settings(settings: SettingsAnswer, report: Report) -> dict[str, Any]:
    return {
        "best": case_jsonable(settings.best),
        "tried": settings.tried,
        "left_out_as_spilling": settings.left_out,
        "longest_request_tokens": settings.needed_tokens,
        "stay_together": [list(names) for names in settings.together],
        "finalists": [
            {"case": case_jsonable(one.case), "load": one.load, "slack": one.slack} for one in settings.finalists
        ],
        "load": _load(report.best_load, report.slos),
    }


def _hosts(hosts: HostAnswer, report: Report) -> dict[str, Any]:
    return {
        "chosen": None if hosts.chosen is None else hosts.chosen.option.name,
        "looked_at": [
            {
                "gpus": row.option.name,
                "fixed_cost_per_h": row.option.costs.fixed_per_h,
                "price_source": row.option.source,
                "spilling": list(row.spilling),
                "kept": row.keeps,
                "slack": row.slack,
                "ttft_p95_s": ttft_quantile_s(row.tallies, 0.95),
            }
            for row in hosts.rows
        ],
        "load": _load(report.host_load, report.slos),
    }


def _more(more: MoreAnswer) -> dict[str, Any]:
    return {
        "now": more.now,
        "changes": [
            {
                "change": row.label,
                "load": row.load,
                "hosts": [None if site.models is None else list(site.models) for site in row.case.sites],
            }
            for row in more.rows
        ],
    }


def _load(answer: LoadAnswer | None, slos: Sequence[Slo]) -> dict[str, Any] | None:
    return None if answer is None else load_jsonable(answer, slos)


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
            "first_repetition": None if checked.at is None else checked.found.repetitions,
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
