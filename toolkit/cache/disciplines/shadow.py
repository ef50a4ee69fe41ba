"""Shadow-bounded batching: resident models first, then the fullest queue, within a promise that can be kept.

Beside the real queue a *shadow* is simulated: the same arrivals, first come first served, LRU. The promise: nobody
starts more than `bound_ns` later than in the shadow. Before somebody is let past the oldest, the schedule "this one,
then all others in order of arrival" is drawn up on paper; if anybody in it would start too late, or anybody who may
still come, the oldest goes instead.

Why the promise holds, with known service times and LRU eviction. Call the paper schedule of all who wait, in order of
arrival, the *plain* one. Serving the oldest does not change it. Serving somebody else is only done if the plain
schedule of the rest keeps the promise. A newcomer is put at the end of the plain schedule and of the shadow; what ours
may pay for it and the shadow does not are loads of models that the two hosts do not keep alike, each of them once: the
debt (`Places.debt_ns`). So if plain schedule and debt keep the promise before an arrival, they keep it after.

Service times are estimates until a request is done; the promise then holds up to the errors of those ahead of it.
Eviction by another rule than LRU may cost loads that paper does not know of.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from toolkit.cache.disciplines.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from toolkit.cache.disciplines.base import Waiting
    from toolkit.cache.disciplines.estimates import ServiceEstimates
    from toolkit.cache.disciplines.places import Places


class ShadowBounded:
    """See the module. `places` is the empty host on paper, `estimates` are shared with nobody else."""

    __slots__ = ("_bound_ns", "_estimates", "_places", "_queue", "_shadow")

    def __init__(self, bound_ns: int, places: Places, estimates: ServiceEstimates) -> None:
        self._bound_ns = bound_ns
        self._places = places
        self._estimates = estimates
        self._queue = Queue()
        self._shadow = Shadow(places, estimates)

    def arrived(self, request: Waiting) -> None:
        """See `Discipline`."""
        self._queue.add(request)
        self._shadow.arrived(request)

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:
        """Whoever gains most, if the promise allows it; else the oldest."""
        if not self._queue:
            return None
        oldest, favoured = self._queue.oldest(), self._queue.fullest(resident)
        if favoured is not oldest:
            paper = self._places.sheet_holding(resident)
            if not self._shadow.keeps_promise(self._bound_ns, favoured, self._queue, paper, now_ns):
                favoured = oldest
        return self._queue.take(favoured.number)

    def done(self, request: Waiting, service_ns: int) -> None:
        """See `Discipline`."""
        self._estimates.learn(request.model, service_ns)
        self._shadow.done(request.number, service_ns)

    def left(self, number: int) -> None:
        """See `Discipline`; in the shadow it counts as served in no time."""
        if self._queue.take(number) is not None:
            self._shadow.done(number, 0)


class Shadow:
    """First come first served on paper. What is certain (all up to the first that is not done) is worked out once."""

    __slots__ = ("_certain_ns", "_estimates", "_memory", "_service_ns", "_tail")

    def __init__(self, places: Places, estimates: ServiceEstimates) -> None:
        self._estimates = estimates
        self._memory = places.copy()
        self._certain_ns = 0
        self._tail: deque[Waiting] = deque()
        self._service_ns: dict[int, int] = {}  # of those in the tail that are done

    def arrived(self, request: Waiting) -> None:
        """One more at the end."""
        self._tail.append(request)

    def done(self, number: int, service_ns: int) -> None:
        """The true service time of a request is known now."""
        self._service_ns[number] = service_ns
        while self._tail and self._tail[0].number in self._service_ns:
            request = self._tail.popleft()
            start_ns = max(self._certain_ns, request.arrived_ns) + self._memory.use(request.model)
            self._certain_ns = start_ns + self._service_ns.pop(request.number)

    def keeps_promise(
        self, bound_ns: int, first: Waiting, waiting: Iterable[Waiting], paper: Places, begin_ns: int
    ) -> bool:
        """Whether all who wait keep within the bound if this one goes first and the others follow as they arrived.

        `begin_ns` is when the host has done what it has begun, `paper` what it then has in memory; that is used up.
        The lab's discipline asks this, and the gateway's order (`toolkit.gateway.order`).
        """
        guess_ns = self._estimates.guess_ns
        at_ns = begin_ns + paper.use(first.model) + guess_ns(first.model)
        starts_ns, end_ns, memory = self.schedule()
        for request in waiting:
            if request is first:
                continue
            at_ns += paper.use(request.model)
            if at_ns > starts_ns[request.number] + bound_ns:
                return False
            at_ns += guess_ns(request.model)
        return at_ns + paper.debt_ns(memory) <= end_ns + bound_ns

    def schedule(self) -> tuple[dict[int, int], int, Places]:
        """When each request of the uncertain tail starts, when the last one ends, and what is in memory then.

        Good until the next call of `done`.
        """
        at_ns, memory = self._certain_ns, self._memory.sheet()
        starts_ns: dict[int, int] = {}
        for request in self._tail:
            at_ns = max(at_ns, request.arrived_ns) + memory.use(request.model)
            starts_ns[request.number] = at_ns
            known_ns = self._service_ns.get(request.number)
            at_ns += self._estimates.guess_ns(request.model) if known_ns is None else known_ns
        return starts_ns, at_ns, memory
