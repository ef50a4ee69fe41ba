"""How a plan writes loads, promises and cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report.wording import counted, duration, percent

if TYPE_CHECKING:
    from toolkit.plan.case import Case
    from toolkit.workload.plan import Slo

_METRICS = {"ttft": "first token", "e2e": "whole answer"}
_PER_MINUTE, _PER_S = 600.0, 36_000.0


def rate(per_h: float) -> str:
    """Write a rate of requests in a unit that suits it: `31 requests/h`, `12 requests/min`, `14 requests/s`."""
    if per_h >= _PER_S:
        return f"{amount(per_h / 3600)} requests/s"
    return f"{amount(per_h / 60)} requests/min" if per_h >= _PER_MINUTE else f"{amount(per_h)} requests/h"


def times(load: float) -> str:
    """Write a load: `2.09 times`, `20 times`."""
    return f"{amount(load)} times"


def amount(number: float) -> str:
    """Write a number to three digits, or whole."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"  # noqa: PLR2004 - three digits


def promise(slo: Slo) -> str:
    """Write a promise: `first token within 5.0 s for 95 %`."""
    return (
        f"{_METRICS[slo.metric]} within {duration(slo.limit_ns / 1e9).replace('.0 ', ' ')} for {percent(slo.share, 0)}"
    )


def load_words(load: float, per_h: float | None, users: int | None) -> str:
    """Write a load as its readers count: users of a closed loop, else the rate."""
    people = counted(users, "user") if users is not None else rate(per_h) if per_h is not None else ""
    return f"{people} ({times(load)} this workload)" if people else f"{times(load)} this workload"


def case_words(case: Case) -> str:
    """Write what a case sets: `lru-unload, context 8,192, OLLAMA_NUM_PARALLEL=2`."""
    context = [f"context {case.num_ctx:,}"] if case.num_ctx is not None else []
    return ", ".join([case.strategy, *context, *(f"{name}={value}" for name, value in case.environment)])
