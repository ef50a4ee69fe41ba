"""On a host that does one thing at a time the gateway's order is the lab's discipline, start for start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.cache.disciplines.estimates import ServiceEstimates
from toolkit.cache.disciplines.places import Places
from toolkit.cache.disciplines.shadow import ShadowBounded
from toolkit.cache.policies.base import Item
from toolkit.cache.policies.lru import Lru
from toolkit.gateway.order import HostOrder
from toolkit.lab.cache import Capacity
from toolkit.lab.queue import Job, Residents, serve

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Discipline, Waiting

ITEMS = {name: Item(name, 1 + at % 2, 20 + 5 * at) for at, name in enumerate("abcdef")}
ROOM = Capacity(4, 3)
JOBS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcdef"), st.integers(1, 40)), max_size=50).map(
    lambda steps: [
        Job(sum(gap for gap, *_ in steps[: place + 1]), name, service) for place, (_, name, service) in enumerate(steps)
    ]
)


class Alone:
    """No two models are known to fit together, and every answer ends before the next is begun."""

    def together(self, models: frozenset[str]) -> bool:
        return len(models) <= 1


class OneAtATime:
    """The gateway's order as the lab's queue uses a discipline."""

    def __init__(self, order: HostOrder) -> None:
        self._order = order
        self._start_ns = 0

    def arrived(self, request: Waiting) -> None:
        self._order.arrived(request)

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:
        start = self._order.next(now_ns, tuple(resident))
        if start is None:
            return None
        self._start_ns = now_ns + (ITEMS[start.request.model].load_ns if start.loads else 0)
        self._order.loaded(start.request.number, self._start_ns)
        return start.request

    def done(self, request: Waiting, service_ns: int) -> None:
        self._order.done(request.number, self._start_ns + service_ns, answered=True)

    def left(self, number: int) -> None:
        self._order.left(number)


def starts(jobs: list[Job], discipline: Discipline) -> list[tuple[int, int, bool]]:
    played = serve(jobs, Residents(ITEMS, Lru(), ROOM), discipline)
    return [(start.number, start.start_ns, start.loaded) for start in played]


@settings(max_examples=200)
@given(jobs=JOBS, bound_ns=st.integers(0, 400))
def test_the_gateway_orders_as_the_lab_does(jobs: list[Job], bound_ns: int) -> None:
    places = Places(ITEMS, ROOM.size_bytes, ROOM.models)
    ours = OneAtATime(HostOrder(bound_ns, places, ServiceEstimates(20), Alone()))
    assert starts(jobs, ours) == starts(jobs, ShadowBounded(bound_ns, places, ServiceEstimates(20)))
