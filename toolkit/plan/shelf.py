"""Plans that were made before: settings race, and hosts are compared, over the same few plans again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from toolkit.plan.workload import Workload
    from toolkit.workload.plan import Plan

MOST_REQUESTS: Final = 100_000
"""So many requests are kept, about 60 MB."""


class PlanShelf:
    """The plans of one workload that were asked for last, with so many requests together; at least the last plan."""

    def __init__(self, workload: Workload, most_requests: int = MOST_REQUESTS) -> None:
        self._workload = workload
        self._most_requests = most_requests
        self._plans: dict[tuple[float, int], Plan] = {}  # the one asked for last at the end

    def plan(self, load: float, repetition: int) -> Plan:
        """See `Workload.plan`."""
        key = load, repetition
        found = self._plans.pop(key, None)
        if found is None:
            found = self._workload.plan(load, repetition)
        self._plans[key] = found
        while len(self._plans) > 1 and sum(len(one.requests) for one in self._plans.values()) > self._most_requests:
            del self._plans[next(iter(self._plans))]
        return found
