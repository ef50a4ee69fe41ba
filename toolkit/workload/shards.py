"""One plan dealt out to several processes, so that together they are the plan again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.workload.shape import conversations

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan, PlannedRequest


def shards(plan: Plan, count: int) -> tuple[Plan, ...]:
    """`count` plans (at least 1): each conversation, and each session, lies whole in one of them.

    Conversations are dealt out in turn, in the plan's order, so neighbours in time go to different processes. Each
    shard keeps the plan's order, moments and duration; one may be empty.
    """
    place: dict[str, int] = {}
    of_request: dict[str, int] = {}
    for talk in conversations(plan):
        key = talk[0].session or talk[0].id
        place.setdefault(key, len(place) % count)
        of_request.update((request.id, place[key]) for request in talk)
    dealt: list[list[PlannedRequest]] = [[] for _ in range(count)]
    for request in plan.requests:
        dealt[of_request[request.id]].append(request)
    return tuple(replace(plan, requests=tuple(requests)) for requests in dealt)
