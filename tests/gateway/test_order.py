"""The order of one host: what goes at once, what waits for a load, and that nobody waits longer than the promise."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolkit.cache.disciplines.base import Waiting
from toolkit.cache.disciplines.estimates import ServiceEstimates
from toolkit.cache.disciplines.places import Places
from toolkit.cache.policies.base import Item
from toolkit.gateway.order import HostOrder, Start

SIZES = {"a": 4, "b": 3, "c": 3, "d": 2}
LOADS = {"a": 40, "b": 30, "c": 25, "d": 10}
ITEMS = {name: Item(name, SIZES[name], LOADS[name]) for name in SIZES}
SERVICE = 20


class Known:
    """Models fit together if their sizes do."""

    def __init__(self, room: int) -> None:
        self._room = room

    def together(self, models: frozenset[str]) -> bool:
        return sum(SIZES[name] for name in models) <= self._room


def order_of(room: int, bound: int, parallel: int = 1) -> HostOrder:
    estimates = ServiceEstimates(SERVICE)
    return HostOrder(bound, Places(ITEMS, room), estimates, Known(room), parallel)


@dataclass
class Host:
    """A host in integer time: `parallel` answers of each model, all sharing its work; LRU evicts what is idle."""

    order: HostOrder
    room: int
    resident: OrderedDict[str, None] = field(default_factory=OrderedDict)
    working: dict[int, list[float]] = field(default_factory=dict)
    models: dict[int, str] = field(default_factory=dict)
    starts: dict[int, float] = field(default_factory=dict)
    loads: int = 0
    load: tuple[float, int] | None = None

    def play(self, jobs: list[tuple[int, str]]) -> None:
        coming = [(at, number, model) for number, (at, model) in enumerate(jobs)]
        heapq.heapify(coming)
        now = 0.0
        while coming or self.working or self.load or self.order.waiting:
            assert coming or self.working or self.load, "somebody waits and nothing happens any more"
            until = min(
                [float(coming[0][0])] if coming else [],
                default=float("inf"),
            )
            if self.load:
                until = min(until, self.load[0])
            if self.working:
                until = min(until, now + min(left[0] for left in self.working.values()) * len(self.working))
            for left in self.working.values():
                left[0] -= (until - now) / len(self.working)
            now = max(now, until)
            self._end(now)
            while coming and coming[0][0] <= now:
                at, number, model = heapq.heappop(coming)
                self.models[number] = model
                self._arrive(Waiting(number, model, at), now)
            self._start(now)

    def _arrive(self, request: Waiting, now: float) -> None:
        del now
        self.order.arrived(request)

    def _end(self, now: float) -> None:
        if self.load and self.load[0] <= now:
            number, self.load = self.load[1], None
            self.resident[self.models[number]] = None
            self.starts[number] = now
            self.working[number] = [float(SERVICE)]
            self.order.loaded(number, round(now))
        for number in [number for number, left in self.working.items() if left[0] <= 1e-6]:
            del self.working[number]
            self.order.done(number, round(now), answered=True)

    def _start(self, now: float) -> None:
        while (start := self.order.next(round(now), list(self.resident))) is not None:
            self._goes(start, now)

    def _goes(self, start: Start, now: float) -> None:
        number, model = start.request.number, start.request.model
        busy = frozenset(self.models[each] for each in self.working)
        if not start.loads:
            assert model in self.resident
            assert self.load is None or Known(self.room).together(busy | {model, self.models[self.load[1]]})
            self.resident.move_to_end(model)
            self.starts[number] = now
            self.working[number] = [float(SERVICE)]
            return
        assert self.load is None, "one load at a time"
        self.loads += 1
        while sum(SIZES[name] for name in self.resident) + SIZES[model] > self.room:
            victim = next(name for name in self.resident if name not in busy)
            del self.resident[victim]
        self.load = now + LOADS[model], number


class OneByOne(Host):
    """Looks who may go after every arrival, as the owner of an order does."""

    def _arrive(self, request: Waiting, now: float) -> None:
        super()._arrive(request, now)
        self._start(now)


class AtOnce(OneByOne):
    """As that, but whoever can goes without standing in the queue."""

    def _arrive(self, request: Waiting, now: float) -> None:
        start = self.order.starts_alone(request, round(now), list(self.resident))
        if start is None:
            super()._arrive(request, now)
        else:
            self._goes(start, now)


def first_come_first_served(jobs: list[tuple[int, str]], room: int) -> list[int]:
    """When each job starts on a host that does one thing after the other."""
    paper, at, starts = Places(ITEMS, room), 0, []
    for arrived, model in jobs:
        at = max(at, arrived) + paper.use(model)
        starts.append(at)
        at += SERVICE
    return starts


TRAFFIC = st.lists(
    st.tuples(st.sampled_from((0, 0, 5, 15, 60)), st.sampled_from("aaabcd")), min_size=1, max_size=40
).map(lambda steps: [(sum(gap for gap, _ in steps[: index + 1]), model) for index, (_, model) in enumerate(steps)])


@given(TRAFFIC, st.sampled_from((0, 50, 500)), st.sampled_from((4, 7, 9)), st.integers(1, 2))
def test_who_goes_without_standing_in_the_queue_changes_nothing(
    jobs: list[tuple[int, str]], bound: int, room: int, parallel: int
) -> None:
    slow, fast = (kind(order_of(room, bound, parallel), room) for kind in (OneByOne, AtOnce))
    slow.play(jobs)
    fast.play(jobs)
    assert (fast.starts, fast.loads, fast.resident) == (slow.starts, slow.loads, slow.resident)


@settings(max_examples=150)
@example(jobs=[(0, "a"), (0, "b"), (0, "b"), (0, "a"), (0, "a"), (0, "a")], bound=0, room=7, parallel=1)
@given(jobs=TRAFFIC, bound=st.integers(0, 150), room=st.integers(4, 9), parallel=st.integers(1, 3))
def test_nobody_starts_later_than_the_promise(
    jobs: list[tuple[int, str]], bound: int, room: int, parallel: int
) -> None:
    """INV-PROMISE: start ≤ start by first come, first served + bound, whatever comes when."""
    host = Host(order_of(room, bound, parallel), room)
    host.play(jobs)
    shadow = first_come_first_served(jobs, room)
    late = [host.starts[number] - start for number, start in enumerate(shadow)]
    assert max(late) <= bound + 1 + len(jobs) * 0.5, "beyond rounding to whole units"


def test_a_stream_for_the_model_in_memory_does_not_starve_the_other() -> None:
    """Traffic that keeps the host busy, and one request in the middle of it that needs a swap."""
    jobs = [(0, "a"), *((15 * place, "b" if place == 3 else "a") for place in range(1, 60))]
    host = Host(order_of(room=4, bound=200), room=4)
    host.play(jobs)
    late = host.starts[3] - first_come_first_served(jobs, 4)[3]
    assert 100 < late <= 200


def test_a_model_in_memory_need_not_wait_for_a_load_beside_it() -> None:
    order = order_of(room=7, bound=10_000)
    order.arrived(Waiting(0, "a", 0))
    started = order.next(0, ["b"])
    assert started is not None
    assert (started.request.model, started.loads) == ("a", True)
    order.arrived(Waiting(1, "b", 1))
    started = order.next(1, ["b"])
    assert started is not None
    assert (started.request.number, started.loads) == (1, False)


def test_a_model_that_may_be_evicted_gets_no_request_during_the_load() -> None:
    order = order_of(room=4, bound=10_000)
    order.arrived(Waiting(0, "a", 0))
    assert order.next(0, ["b"]) is not None
    order.arrived(Waiting(1, "b", 1))
    assert order.next(1, ["b"]) is None
    order.loaded(0, 40)
    order.done(0, 60, answered=True)
    started = order.next(60, ["a"])
    assert started is not None
    assert started.loads


def test_a_batch_is_served_before_the_next_load() -> None:
    host = Host(order_of(room=4, bound=100_000), room=4)
    host.play([(0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, "a"), (5, "b")])
    assert host.loads == 2


def test_a_swap_storm_needs_half_the_loads_within_the_promise() -> None:
    """Every request needs another model than the one before, and they come faster than the host can swap."""
    jobs = [(25 * number, "acbcab"[number % 6]) for number in range(60)]
    bound = 800
    storm, direct = Host(order_of(room=4, bound=bound), room=4), Host(order_of(room=4, bound=0), room=4)
    storm.play(jobs)
    direct.play(jobs)
    shadow = first_come_first_served(jobs, 4)
    assert direct.loads == 60
    assert storm.loads <= 30
    assert max(storm.starts[number] - start for number, start in enumerate(shadow)) <= bound


def test_without_patience_it_is_first_come_first_served() -> None:
    jobs = [(0, "a"), (1, "b"), (2, "a"), (3, "b")]
    host = Host(order_of(room=4, bound=0), room=4)
    host.play(jobs)
    assert [number for number, _ in sorted(host.starts.items(), key=lambda item: item[1])] == [0, 1, 2, 3]


def test_the_urgent_go_first_among_those_who_may() -> None:
    order = order_of(room=4, bound=100_000)
    order.arrived(Waiting(0, "a", 0))
    assert order.next(0, ["a"]) is not None
    order.arrived(Waiting(1, "a", 1))
    order.arrived(Waiting(2, "a", 2, priority=1))
    order.done(0, 20, answered=True)
    started = order.next(20, ["a"])
    assert started is not None
    assert started.request.number == 2


def test_who_leaves_holds_nobody_up() -> None:
    order = order_of(room=4, bound=0)
    order.arrived(Waiting(0, "a", 0))
    assert order.next(0, []) is not None
    order.arrived(Waiting(1, "b", 1))
    order.arrived(Waiting(2, "a", 2))
    order.left(1)
    order.left(99)
    order.loaded(0, 40)
    order.done(0, 60, answered=False)
    started = order.next(60, ["a"])
    assert started is not None
    assert (started.request.number, order.waiting, order.running) == (2, 0, 1)


def test_slots_of_a_model_are_used_together() -> None:
    order = order_of(room=4, bound=0, parallel=2)
    for number in range(3):
        order.arrived(Waiting(number, "a", number))
    started = [order.next(10, ["a"]) for _ in range(3)]
    assert [start.request.number for start in started if start] == [0, 1]
    assert order.waiting_by_model() == {"a": 1}
    assert order.wait_ns(10, ["a"]) > 0
    assert all(earlier.number < later.number for earlier, later in pairwise(s.request for s in started if s))
