"""The cache manager of a live client: one strategy, one book of what is believed loaded, shared by all threads.

For each request: `directive_for`, then perform the directive and send the request, then `finished`, however it ended.
Now and then: ask `/api/ps` and `reconcile`. Nothing here waits or talks to a host; each call holds the lock for
microseconds. With `ram`, `ssd` and `none` the book's limit and order are bookkeeping (see `toolkit.cache.fixed`).
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cache.book import Drift, ResidencyBook
from toolkit.cache.registry import StrategyContext, build_strategy
from toolkit.cache.strategy import HostView
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.cache.strategy import Access, Answer, Directive, Strategy

EVICTIONS = ("lru",)
_NOT_LOOKED_AT = HostView((), ())


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Counts since the manager was made.

    `expected_hits`: accesses whose model was believed loaded, or was being loaded by a request under way. `missing`
    and `unexpected`: models over which belief and `/api/ps` disagreed, summed over `reconciliations`.
    """

    accesses: int = 0
    expected_hits: int = 0
    failures: int = 0
    unloads: int = 0
    reconciliations: int = 0
    missing: int = 0
    unexpected: int = 0


class CacheManager:
    """Serialises a pure strategy and keeps its view of the host. Safe to share between threads and tasks.

    All times handed in (accesses, answers, `seen_ns`, and `expires_at_ns` of rows) must be on one clock. Request ids
    must be unique among the requests under way.
    """

    def __init__(self, strategy: Strategy, max_models: int | None = None, pinned: tuple[str, ...] = ()) -> None:
        self._strategy = strategy
        self._book = ResidencyBook(max_models, pinned)
        self._lock = threading.Lock()
        self._under_way: dict[str, tuple[str, Directive]] = {}  # request id → its model, and what was asked around it
        self._in_flight: Counter[str] = Counter()
        self._duration_ns: dict[str, int | None] = {}  # model → the keep_alive in force as far as we know
        self._counts: Counter[str] = Counter()

    @property
    def strategy_name(self) -> str:
        """The strategy's name."""
        return self._strategy.name

    def directive_for(self, access: Access) -> Directive:
        """What to do around this request, which counts as under way from here.

        Raises:
            ValueError: a request of this id is under way already.
        """
        with self._lock:
            if access.request_id in self._under_way:
                raise ValueError(f"request {access.request_id!r} is under way already: ids must be unique")
            directive = self._strategy.before(access, self._shown(access.now_ns))
            expected_hit = access.model in self._in_flight or self._book.believes(access.model)
            self._counts["accesses"] += 1
            self._counts["expected_hits"] += expected_hit
            self._counts["unloads"] += len(directive.unload_before)
            for victim in directive.unload_before:
                self._book.unloaded(victim, access.now_ns)
            # A runner keeps its duration unless a request brings one; a new runner without one has the server's own.
            if directive.keep_alive_ns is not None or not expected_hit:
                self._duration_ns[access.model] = directive.keep_alive_ns
            self._under_way[access.request_id] = (access.model, directive)
            self._in_flight[access.model] += 1
            self._book.touched(access.model)
            return directive

    def finished(self, access: Access, answer: Answer) -> None:
        """The request has ended: answered, failed or given up.

        Raises:
            ValueError: no request of this id is under way.
        """
        with self._lock:
            if access.request_id not in self._under_way:
                raise ValueError(f"request {access.request_id!r} is not under way: report each end once")
            model, _ = self._under_way.pop(access.request_id)
            self._in_flight[model] -= 1
            if not self._in_flight[model]:
                del self._in_flight[model]
            self._strategy.after(access, answer)
            self._counts["failures"] += not answer.ok
            self._learn(model, answer)

    def reconcile(self, view: HostView, seen_ns: int) -> Drift:
        """Set the belief right by the rows of `/api/ps` (`view.loaded`), as asked for at `seen_ns`.

        What was learnt after that moment is kept: an old listing may inform, never overrule. Nor does it bring back a
        model whose unload was asked for by a request still under way. `view.in_flight` is not looked at.
        """
        with self._lock:
            leaving = {victim for _, directive in self._under_way.values() for victim in directive.unload_before}
            leaving.difference_update(self._in_flight)
            drift = self._book.reconcile([row for row in view.loaded if row.name not in leaving], seen_ns)
            self._counts["reconciliations"] += 1
            self._counts["missing"] += len(drift.missing)
            self._counts["unexpected"] += len(drift.unexpected)
            return drift

    def view(self, now_ns: int) -> HostView:
        """What is believed loaded, least recently used first, and what is under way."""
        with self._lock:
            return self._view(now_ns)

    def resident(self, now_ns: int) -> tuple[str, ...]:
        """The names of the models that are believed loaded, least recently used first."""
        with self._lock:
            self._book.expire(now_ns, self._in_flight)
            return self._book.names()

    def stats(self) -> CacheStats:
        """The counts so far."""
        with self._lock:
            return CacheStats(**self._counts)

    def _shown(self, now_ns: int) -> HostView:
        """What the strategy is shown, who may not want to look."""
        if self._strategy.reads_memory:
            return self._view(now_ns)
        self._book.expire(now_ns, self._in_flight)
        return _NOT_LOOKED_AT

    def _view(self, now_ns: int) -> HostView:
        self._book.expire(now_ns, self._in_flight)
        return HostView(self._book.rows(), tuple(sorted(self._in_flight.items())))

    def _learn(self, model: str, answer: Answer) -> None:
        duration_ns = self._duration_ns.get(model)
        idle = model not in self._in_flight
        if idle and duration_ns == 0:
            self._book.unloaded(model, answer.done_ns)
        elif answer.ok:
            limited = idle and duration_ns is not None and duration_ns > 0
            expires_at_ns = answer.done_ns + duration_ns if limited and duration_ns is not None else None
            self._book.answered(model, answer.done_ns, expires_at_ns, self._in_flight)


def build_manager(cache_type: str, eviction: str, context: StrategyContext) -> CacheManager:
    """The manager that the config's `cache` section describes; `cache_type` may be any strategy's name.

    Raises:
        UsageError: an unknown type or eviction.
    """
    if eviction not in EVICTIONS:
        raise UsageError(
            f"there is no eviction {eviction!r}; the config's cache.eviction may be {', '.join(EVICTIONS)}"
        )
    return CacheManager(build_strategy(cache_type, context), context.max_models, context.pinned)
