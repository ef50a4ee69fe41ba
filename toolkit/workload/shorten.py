"""Make a plan shorter: fewer requests, or less time between them. A real host plays a day in a day."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan


def first_requests(plan: Plan, limit: int) -> Plan:
    """The first `limit` requests of the plan's order; a turn whose conversation was cut before it goes, too.

    Raises:
        UsageError: `limit` is below 1.
    """
    if limit < 1:
        raise UsageError(f"--limit {limit} leaves nothing to play; give at least 1")
    kept = plan.requests[:limit]
    if len(kept) == len(plan.requests):
        return plan
    ids: set[str] = set()
    chosen = []
    for request in kept:
        if request.after is None or request.after in ids:
            ids.add(request.id)
            chosen.append(request)
    note = f"Only the first {len(chosen)} of {len(plan.requests)} requests are played."
    last_ns = max((request.at_ns for request in chosen if request.at_ns is not None), default=0)
    return replace(plan, requests=tuple(chosen), duration_ns=last_ns, notes=(*plan.notes, note))


def sped_up(plan: Plan, speed: float) -> Plan:
    """The same requests with all gaps and think times divided by `speed`; answers take as long as before.

    Raises:
        UsageError: `speed` is not between a millionth and a million.
    """
    if not 1e-6 <= speed <= 1e6:  # noqa: PLR2004 - also refuses NaN
        raise UsageError(f"--speed {speed:g}: give a factor above 0, at most 1000000")
    if speed == 1:
        return plan
    factor = Fraction(speed)
    over, under = factor.denominator, factor.numerator  # exact integers: a long plan keeps its nanoseconds
    requests = tuple(
        replace(
            request,
            at_ns=None if request.at_ns is None else request.at_ns * over // under,
            think_ns=request.think_ns * over // under,
        )
        for request in plan.requests
    )
    note = f"Played {speed:g} times as fast as planned: gaps and think times are shorter, answers are not."
    duration_ns = plan.duration_ns * over // under
    return replace(plan, requests=requests, duration_ns=duration_ns, notes=(*plan.notes, note))
