"""Another load out of the same requests: closed instead of open, a ramp at its beginning, people who do not wait."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.workload.streams import stream

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan, PlannedRequest


def conversations(plan: Plan) -> tuple[tuple[PlannedRequest, ...], ...]:
    """The requests by the one that began each conversation, in the plan's order; a lone request is one, too."""
    root: dict[str, str] = {}
    found: dict[str, list[PlannedRequest]] = {}
    for request in plan.requests:
        first = request.id if request.after is None else root.get(request.after, request.id)
        root[request.id] = first
        found.setdefault(first, []).append(request)
    return tuple(tuple(requests) for requests in found.values())


def closed_loop(plan: Plan, users: int, think_ns: int, ramp_ns: int = 0) -> Plan:
    """The same conversations asked by `users` people; each begins the next one `think_ns` after the last answer.

    The plan's moments are forgotten: a slow host is asked less. Conversations are dealt out in turn, so the k-th user
    has every `users`-th; pauses within conversations stay. Users begin evenly spread over `ramp_ns`. `duration_ns` is
    the time it takes if every answer comes at once.

    Raises:
        UsageError: fewer than one user, or a negative pause.
    """
    if users < 1 or think_ns < 0 or ramp_ns < 0:
        raise UsageError("a closed loop needs at least one user (--users) and pauses that are not negative")
    last: list[str | None] = [None] * users
    busy_ns = [user * ramp_ns // users for user in range(users)]
    requests: list[PlannedRequest] = []
    for number, talk in enumerate(conversations(plan)):
        user = number % users
        before = last[user]
        opening, *turns = talk
        if before is None:
            requests.append(replace(opening, at_ns=busy_ns[user], after=None, think_ns=0))
        else:
            requests.append(replace(opening, at_ns=None, after=before, think_ns=think_ns))
            busy_ns[user] += think_ns
        requests += turns
        busy_ns[user] += sum(turn.think_ns for turn in turns)
        last[user] = talk[-1].id
    thinking = f"each {think_ns / 1e9:g} s after the last answer"
    note = f"Played as a closed loop of {users} users, {thinking}; the plan's own moments are not kept."
    return replace(plan, requests=tuple(requests), duration_ns=max(busy_ns, default=0), notes=(*plan.notes, note))


def ramped(plan: Plan, ramp_ns: int) -> Plan:
    """Arrivals come at a rate that rises evenly from nothing to the planned one during `ramp_ns`; none is left out.

    Planned time u becomes sqrt(2 · ramp · u) up to half the ramp, and u + ramp/2 behind it: the integral of the rate
    at that moment is u. Pauses within conversations stay.
    """
    if ramp_ns <= 0:
        return plan

    def moment_ns(planned_ns: int) -> int:
        half_ns = ramp_ns // 2
        return math.isqrt(2 * ramp_ns * planned_ns) if planned_ns < half_ns else planned_ns + half_ns

    requests = tuple(one if one.at_ns is None else replace(one, at_ns=moment_ns(one.at_ns)) for one in plan.requests)
    note = f"The rate of arrivals rises from nothing to the planned one during the first {ramp_ns / 1e9:g} s."
    return replace(plan, requests=requests, duration_ns=moment_ns(plan.duration_ns), notes=(*plan.notes, note))


def impatient(plan: Plan, mean_ns: int) -> Plan:
    """Everybody leaves who has no first token after a patience of their own: exponential, `mean_ns` on average.

    Drawn from the plan's seed (stream `patience`); who has a patience in the plan keeps it.

    Raises:
        UsageError: a mean that is not positive.
    """
    if mean_ns <= 0:
        raise UsageError("--patience needs a time above 0: how long people wait for a first token on average")
    rng = stream(plan.seed, "patience")
    requests = []
    for request in plan.requests:
        drawn_ns = max(1, round(rng.expovariate(1 / mean_ns)))
        requests.append(request if request.patience_ns is not None else replace(request, patience_ns=drawn_ns))
    note = f"People wait {mean_ns / 1e9:g} s on average (exponential) for a first token, then they leave."
    return replace(plan, requests=tuple(requests), notes=(*plan.notes, note))
