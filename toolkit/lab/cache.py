"""A cache alone: requests in order, no clock but theirs, nothing takes time. What would a policy have hit?

Only a model that a policy has brought back at a moment of its own (`Foreseeing`) takes its time to load: a request that
comes before it is there is no hit, and the load is its own.

INV-LAB: requests = hits + loads (a prefetched model that is then asked for is a hit); what is resident never takes
more than the capacity, unless it is a single model; loads and prefetches = evictions + expiries + what is resident at
the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from toolkit.cache.policies.base import NOBODY, Expiring, Foreseeing, LoadsFirst, Prefetching

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from toolkit.cache.policies.base import Item, Policy


class Use(NamedTuple):
    """One request: its model, and when it came."""

    model: str
    at_ns: int


class Uses(Protocol):
    """Requests that can be gone through more than once (each as in `Use`), stored or not."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[str, int]]: ...


@dataclass(frozen=True, slots=True)
class Capacity:
    """Room in bytes, and in models (None: no limit). A model that is larger than all the room is loaded alone."""

    size_bytes: int
    models: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of a stream of requests. `bytes_loaded` and `load_ns` count prefetches too."""

    requests: int
    hits: int
    loads: int
    prefetches: int
    bytes_loaded: int
    load_ns: int
    evictions: int
    expiries: int

    @property
    def hit_rate(self) -> float | None:
        """Hits by requests; None without requests."""
        return self.hits / self.requests if self.requests else None


def play(
    uses: Iterable[tuple[str, int]],
    items: Mapping[str, Item],
    policy: Policy,
    capacity: Capacity,
    *,
    on_answer: Callable[[bool], None] | None = None,
) -> Tally:
    """Feed a stream to a policy; memory does not grow with the stream. `on_answer` hears of each request: hit or not.

    `items` says what each model is; every model of the stream must be there.
    """
    cache = _Cache(items, policy, capacity)
    expiring = policy if isinstance(policy, Expiring) else None
    prefetching = policy if isinstance(policy, Prefetching) else None
    foreseeing = policy if isinstance(policy, Foreseeing) else None
    resident, arriving, hit, miss = cache.resident, cache.arriving, policy.hit, cache.miss
    requests = hits = 0
    for model, at_ns in uses:
        if foreseeing is not None:
            cache.bring_back(foreseeing, requests, at_ns)
        if expiring is not None:
            cache.expire(expiring, at_ns)
        found = model in resident
        if found:
            hit(items[model], requests, at_ns)
            if arriving and cache.overtakes(model, at_ns):
                found = False
            else:
                hits += 1
        else:
            miss(items[model], requests, at_ns)
        if prefetching is not None:
            cache.prefetch(prefetching, model, requests, at_ns)
        requests += 1
        if on_answer is not None:
            on_answer(found)
    return Tally(
        requests, hits, requests - hits, cache.prefetches, cache.bytes_loaded, cache.load_ns, cache.evictions,
        cache.expiries,
    )  # fmt: skip


class _Cache:
    """What is resident, and the running sums."""

    __slots__ = (
        "_capacity", "_expiring", "_items", "_loads_first", "_policy", "_used_bytes", "arriving", "bytes_loaded",
        "evictions", "expiries", "load_ns", "prefetches", "resident",
    )  # fmt: skip

    def __init__(self, items: Mapping[str, Item], policy: Policy, capacity: Capacity) -> None:
        self._items = items
        self._policy = policy
        self._capacity = capacity
        self._loads_first = isinstance(policy, LoadsFirst)
        self._expiring = policy if isinstance(policy, Expiring) else None
        self._used_bytes = 0
        self.resident: set[str] = set()
        self.arriving: dict[str, int] = {}
        """Those of the resident models that were brought back and not used since, and when their load is done."""
        self.bytes_loaded = self.load_ns = self.evictions = self.expiries = self.prefetches = 0

    def miss(self, item: Item, position: int, at_ns: int) -> None:
        """Make room, load."""
        self._policy.missed(item, position, at_ns)
        if self._loads_first:
            self._enter(item, position, at_ns)
            self._make_room(item, 0, NOBODY)
        else:
            self._make_room(item, item.size_bytes, NOBODY)
            self._enter(item, position, at_ns)

    def expire(self, policy: Expiring, at_ns: int) -> None:
        """Let go whose time is up."""
        for name in policy.expired(at_ns, NOBODY):
            self._leave(name)
            self.expiries += 1

    def bring_back(self, policy: Foreseeing, position: int, at_ns: int) -> None:
        """Load what was expected until now, each at its moment, if there was room for it then."""
        while (moment_ns := policy.returns_ns()) is not None and moment_ns <= at_ns:
            if self._expiring is not None:
                self.expire(self._expiring, moment_ns)
            name = policy.returning(moment_ns)
            if name is None or name in self.resident or not self._has_room(self._items[name]):
                continue
            item = self._items[name]
            self.prefetches += 1
            self._enter(item, position, moment_ns)
            self.arriving[name] = moment_ns + item.load_ns

    def overtakes(self, name: str, at_ns: int) -> bool:
        """Whether a request comes before the load of its model is done; then it is the load of that request."""
        ready_ns = self.arriving.pop(name, at_ns)
        if ready_ns <= at_ns:
            return False
        self.prefetches -= 1
        return True

    def prefetch(self, policy: Prefetching, used: str, position: int, at_ns: int) -> None:
        """Load what the policy expects next, if anything; never in place of the model that was just used."""
        name = policy.wanted_next(self.resident)
        if name is None:
            return
        item = self._items[name]
        if self._make_room(item, item.size_bytes, (used,)):
            self.prefetches += 1
            self._enter(item, position, at_ns)

    def _has_room(self, item: Item) -> bool:
        size_bytes, models = self._capacity.size_bytes, self._capacity.models
        return self._used_bytes + item.size_bytes <= size_bytes and (models is None or len(self.resident) < models)

    def _make_room(self, wanted: Item, needed_bytes: int, busy: Container[str]) -> bool:
        """Evict until there is room; False if all that are left are busy."""
        size_bytes, models = self._capacity.size_bytes, self._capacity.models
        more = 1 if needed_bytes else 0
        resident = self.resident
        while self._used_bytes + needed_bytes > size_bytes or (models is not None and len(resident) + more > models):
            name = self._policy.victim(wanted, busy)
            if name is None:
                return False
            self._leave(name)
            self.evictions += 1
        return True

    def _enter(self, item: Item, position: int, at_ns: int) -> None:
        self._policy.loaded(item, position, at_ns)
        self.resident.add(item.name)
        self._used_bytes += item.size_bytes
        self.bytes_loaded += item.size_bytes
        self.load_ns += item.load_ns

    def _leave(self, name: str) -> None:
        self.resident.remove(name)
        self.arriving.pop(name, None)
        self._used_bytes -= self._items[name].size_bytes
