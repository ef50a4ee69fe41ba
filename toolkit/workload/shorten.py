"""Make a plan shorter: fewer requests, or less time between them. A real host plays a day in a day."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from toolkit.workload.plan import Plan, PlannedRequest


def first_requests(plan: Plan, limit: int) -> Plan:
    """The first `limit` requests of the plan's order; a turn whose conversation was cut before it goes, too.

    Raises:
        UsageError: `limit` is below 1.
    """
    if limit < 1:
        raise UsageError(f"--limit {limit} leaves nothing to play; give at least 1")
    if limit >= len(plan.requests):
        return plan
    chosen = _with_their_openings(plan.requests[:limit])
    note = f"Only the first {len(chosen)} of {len(plan.requests)} requests are played."
    last_ns = max((request.at_ns for request in chosen if request.at_ns is not None), default=0)
    return replace(plan, requests=chosen, duration_ns=last_ns, notes=(*plan.notes, note))


def between(plan: Plan, from_ns: int, until_ns: int | None) -> Plan:
    """What begins at `from_ns` or later and before `until_ns` (None: the end), as a plan that begins with it at 0.

    Conversations are kept whole: their openings decide.

    Raises:
        UsageError: nothing is left.
    """
    end_ns = plan.duration_ns if until_ns is None else min(until_ns, plan.duration_ns)
    inside = (
        replace(one, at_ns=one.at_ns - from_ns) if one.at_ns is not None else one
        for one in plan.requests
        if one.at_ns is None or (one.at_ns >= from_ns and (until_ns is None or one.at_ns < until_ns))
    )
    chosen = _with_their_openings(inside)
    if not chosen:
        raise UsageError(f"nothing begins between --from and --until; the plan lasts {plan.duration_ns / 1e9:g} s")
    note = f"Only the {len(chosen)} of {len(plan.requests)} requests of a part of the plan are played."
    return replace(plan, requests=chosen, duration_ns=max(0, end_ns - from_ns), notes=(*plan.notes, note))


def only_models(plan: Plan, names: Collection[str], model_of: Callable[[PlannedRequest], str]) -> Plan:
    """The requests that go to these models; a turn of a conversation whose opening goes elsewhere is left out, too.

    Raises:
        UsageError: none goes there.
    """
    chosen = _with_their_openings(one for one in plan.requests if model_of(one) in names)
    if not chosen:
        raise UsageError(f"no request goes to {', '.join(sorted(names))}; leave --model out, or name another one")
    note = f"Only the {len(chosen)} of {len(plan.requests)} requests for {', '.join(sorted(names))} are played."
    return replace(plan, requests=chosen, notes=(*plan.notes, note))


def without_models(plan: Plan, names: Collection[str], model_of: Callable[[PlannedRequest], str]) -> Plan:
    """The requests that go to none of these models, with a note of how many others there were.

    Raises:
        UsageError: all go there.
    """
    chosen = _with_their_openings(one for one in plan.requests if model_of(one) not in names)
    left_out = len(plan.requests) - len(chosen)
    if left_out == 0:
        return plan
    if not chosen:
        raise UsageError(f"every request goes to a model that is not described: {', '.join(sorted(names))}")
    note = f"Left out: {left_out} of {len(plan.requests)} requests, for {', '.join(sorted(names))}, not described here."
    return replace(plan, requests=chosen, notes=(*plan.notes, note))


def only_sessions(plan: Plan, names: Collection[str]) -> Plan:
    """The requests of these sessions.

    Raises:
        UsageError: there is none.
    """
    chosen = _with_their_openings(one for one in plan.requests if one.session in names)
    if not chosen:
        raise UsageError(
            f"no request is of the session {', '.join(sorted(names))}; leave --session out, or name another"
        )
    note = f"Only the {len(chosen)} of {len(plan.requests)} requests of {len(names)} sessions are played."
    return replace(plan, requests=chosen, notes=(*plan.notes, note))


def _with_their_openings(requests: Iterable[PlannedRequest]) -> tuple[PlannedRequest, ...]:
    """Without the turns whose conversation was cut before them."""
    ids: set[str] = set()
    chosen = []
    for request in requests:
        if request.after is None or request.after in ids:
            ids.add(request.id)
            chosen.append(request)
    return tuple(chosen)


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
