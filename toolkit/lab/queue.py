"""A host with a queue in front of it, in virtual time: a discipline chooses who goes next, a policy who is evicted.

One request at a time, as with a gateway that owns the host: load if the model is not resident, then serve. The
faithful twin (`toolkit.host`) has all of the server's rules; this is the fast one, for sweeps over policies and
disciplines.

INV-QUEUE: each request starts once, not before it arrived, and not before its model is resident; time never goes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from toolkit.cache.disciplines.base import Waiting
from toolkit.cache.disciplines.places import Held
from toolkit.cache.policies.base import Expiring

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toolkit.cache.disciplines.base import Discipline
    from toolkit.cache.policies.base import Item, Policy
    from toolkit.lab.cache import Capacity


_NEVER: Final = 1 << 80
NO_LIMIT: Final = 1 << 40


class Job(NamedTuple):
    """A request as the queue sees it: its arrival, its model, and what the answer takes once that is there."""

    at_ns: int
    model: str
    service_ns: int
    priority: int = 0


class Start(NamedTuple):
    """How a job went: when it arrived, had its model in hand, and was done; and whether that took a load."""

    number: int
    model: str
    arrived_ns: int
    start_ns: int
    done_ns: int
    loaded: bool


class Residents:
    """The models in memory, least recently used first, under a policy and a capacity."""

    __slots__ = ("_expiring", "_hit", "_items", "_limit_bytes", "_limit_models", "_order", "_policy")

    def __init__(self, items: Mapping[str, Item], policy: Policy, capacity: Capacity) -> None:
        self._items = items
        self._policy = policy
        self._hit = policy.hit
        self._limit_bytes = capacity.size_bytes
        self._limit_models = NO_LIMIT if capacity.models is None else capacity.models
        self._order = Held(items)  # insertion order is order of use
        self._expiring = policy if isinstance(policy, Expiring) else None

    @property
    def order(self) -> Held:
        """Least recently used first."""
        return self._order

    def use(self, name: str, position: int, now_ns: int) -> int:
        """What must be loaded for a request takes so long; 0 if the model is resident."""
        if self._expiring is not None:
            for gone in self._expiring.expired(now_ns, ()):
                self._leave(gone)
        item, order = self._items[name], self._order
        if name in order:
            del order[name]
            order[name] = None
            self._hit(item, position, now_ns)
            return 0
        policy = self._policy
        policy.missed(item, position, now_ns)
        least_bytes = self._limit_bytes - item.size_bytes
        while order and (order.used_bytes > least_bytes or len(order) >= self._limit_models):
            victim = policy.victim(item, ())
            if victim is None:
                break
            self._leave(victim)
        policy.loaded(item, position, now_ns)
        order[name] = None
        order.used_bytes += item.size_bytes
        order.loads_ns += item.load_ns
        return item.load_ns

    def _leave(self, name: str) -> None:
        item, order = self._items[name], self._order
        del order[name]
        order.used_bytes -= item.size_bytes
        order.loads_ns -= item.load_ns


def serve(jobs: Iterable[Job], residents: Residents, discipline: Discipline) -> Iterator[Start]:
    """Play the jobs (in order of arrival), one at a time; yields in order of start. Memory: those who wait."""
    # A request costs less than two microseconds here, so names are local, tuples are made without the Python call that
    # a named one's own constructor is, and nothing is made that is not needed.
    coming = iter(jobs)
    none = Job(_NEVER, "", 0)
    upcoming = next(coming, none)
    upcoming_ns = upcoming[0]
    services: dict[int, int] = {}
    now_ns = position = arrivals = 0
    arrived, choose, done = discipline.arrived, discipline.next, discipline.done
    resident, use, service_of, new = residents.order, residents.use, services.pop, tuple.__new__
    while True:
        if not services:
            if upcoming is none:
                return
            now_ns = max(now_ns, upcoming_ns)
        while upcoming_ns <= now_ns:
            _, model, services[arrivals], priority = upcoming
            arrived(new(Waiting, (arrivals, model, upcoming_ns, priority)))
            arrivals += 1
            upcoming = next(coming, none)
            upcoming_ns = upcoming[0]
        request = choose(now_ns, resident)
        if request is None:
            return
        number, model, arrived_ns, _ = request
        load_ns = use(model, position, now_ns)
        position += 1
        service_ns = service_of(number)
        start_ns = now_ns + load_ns
        now_ns = start_ns + service_ns
        done(request, service_ns)
        yield new(Start, (number, model, arrived_ns, start_ns, now_ns, load_ns > 0))
