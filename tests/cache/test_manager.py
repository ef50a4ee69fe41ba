"""The manager of a live client, alone and under 32 threads."""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.book import Drift
from toolkit.cache.manager import CacheManager, CacheStats, build_manager
from toolkit.cache.policies.lru import Lru
from toolkit.cache.registry import STRATEGIES, StrategyContext
from toolkit.cache.room import SizedRoom
from toolkit.cache.steering.by_unloads import ByUnloads
from toolkit.cache.steering.following import Premises
from toolkit.cache.strategy import Access, Answer, Directive, HostView, LoadedModel
from toolkit.errors import UsageError

MODELS = "abcdef"
MINUTE_NS = 60 * 10**9


def listing(models: str) -> HostView:
    return HostView(tuple(LoadedModel(name, "", 0, 0, None) for name in models), ())


def believed(manager: CacheManager, now_ns: int) -> str:
    return "".join(row.name for row in manager.view(now_ns).loaded)


class Talker:
    """Sends requests one after the other and counts ids."""

    def __init__(self, manager: CacheManager) -> None:
        self.manager = manager
        self.sent = 0

    def begin(self, model: str, now_ns: int) -> tuple[Access, Directive]:
        self.sent += 1
        access = Access(str(self.sent), model, now_ns)
        return access, self.manager.directive_for(access)

    def end(self, access: Access, now_ns: int, *, ok: bool = True) -> None:
        self.manager.finished(access, Answer(now_ns, None, ok=ok))

    def ask(self, model: str, now_ns: int, *, ok: bool = True) -> Directive:
        access, directive = self.begin(model, now_ns)
        self.end(access, now_ns, ok=ok)
        return directive


def test_ram_keeps_the_book_of_the_config_and_unloads_nothing() -> None:
    talker = Talker(build_manager("ram", "lru", StrategyContext(max_models=2)))
    directives = [talker.ask(model, now) for now, model in enumerate("abac")]
    assert {directive.keep_alive_ns for directive in directives} == {30 * MINUTE_NS}
    assert all(directive.unload_before == () for directive in directives)
    assert believed(talker.manager, 4) == "ac"
    assert talker.manager.stats() == CacheStats(accesses=4, expected_hits=1)


def test_a_model_expires_from_the_belief_when_its_keep_alive_has_run_out() -> None:
    talker = Talker(build_manager("ssd", "lru", StrategyContext()))
    talker.ask("a", 0)
    assert believed(talker.manager, 2 * MINUTE_NS - 1) == "a"
    access, _ = talker.begin("a", 2 * MINUTE_NS - 1)
    assert believed(talker.manager, 9 * MINUTE_NS) == "a"  # busy: the timer does not run
    talker.end(access, 10 * MINUTE_NS)
    assert believed(talker.manager, 12 * MINUTE_NS - 1) == "a"
    assert believed(talker.manager, 12 * MINUTE_NS) == ""


def test_none_believes_a_model_gone_once_its_last_request_has_ended() -> None:
    talker = Talker(build_manager("none", "lru", StrategyContext()))
    first, _ = talker.begin("a", 0)
    second, _ = talker.begin("a", 1)
    talker.end(first, 2)
    assert believed(talker.manager, 2) == "a"
    talker.end(second, 3, ok=False)
    assert believed(talker.manager, 3) == ""


def test_server_default_does_not_guess_when_a_model_expires() -> None:
    talker = Talker(build_manager("server-default", "lru", StrategyContext()))
    talker.ask("a", 0)
    assert believed(talker.manager, 10**18) == "a"


def test_lru_unload_drops_its_victims_from_the_belief_at_once() -> None:
    talker = Talker(build_manager("lru-unload", "lru", StrategyContext(max_models=2)))
    for now, model in enumerate("ab"):
        talker.ask(model, now)
    access, directive = talker.begin("c", 2)
    assert directive.unload_before == ("a",)
    assert believed(talker.manager, 2) == "b"
    # A listing made while the unload is on its way does not bring the victim back.
    assert talker.manager.reconcile(listing("ab"), seen_ns=3).agreed
    talker.end(access, 4)
    assert believed(talker.manager, 4) == "bc"
    assert talker.manager.reconcile(listing("abc"), seen_ns=5) == Drift((), ("a",))
    assert talker.manager.stats() == CacheStats(accesses=3, unloads=1, reconciliations=2, unexpected=1)


def test_a_failed_load_is_not_believed_and_a_failed_hit_is_left_to_the_next_listing() -> None:
    talker = Talker(build_manager("ram", "lru", StrategyContext()))
    talker.ask("a", 0, ok=False)
    assert believed(talker.manager, 0) == ""
    talker.ask("a", 1)
    talker.ask("a", 2, ok=False)
    assert believed(talker.manager, 2) == "a"
    assert talker.manager.reconcile(listing(""), seen_ns=3) == Drift(("a",), ())
    assert talker.manager.stats().failures == 2


def test_requests_under_way_are_seen_by_the_strategy() -> None:
    talker = Talker(build_manager("lru-unload", "lru", StrategyContext(max_models=1)))
    talker.ask("a", 0)
    busy, _ = talker.begin("a", 1)
    assert talker.ask("b", 2).unload_before == ()  # a is busy
    talker.end(busy, 3)
    assert talker.ask("c", 4).unload_before == ("a", "b")  # makes up for it


def test_each_request_begins_and_ends_once() -> None:
    manager = build_manager("ram", "lru", StrategyContext())
    access = Access("1", "a", 0)
    manager.directive_for(access)
    with pytest.raises(ValueError, match="ids must be unique"):
        manager.directive_for(access)
    manager.finished(access, Answer(1, None, ok=True))
    with pytest.raises(ValueError, match="report each end once"):
        manager.finished(access, Answer(1, None, ok=True))


def test_unknown_settings_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="'fifo'"):
        build_manager("ram", "fifo", StrategyContext())
    with pytest.raises(UsageError, match="Did you mean 'ram'"):
        build_manager("rma", "lru", StrategyContext())


@given(
    st.sampled_from([entry.name for entry in STRATEGIES]),
    st.lists(st.tuples(st.sampled_from(MODELS), st.booleans(), st.integers(0, 3 * MINUTE_NS)), max_size=40),
    st.none() | st.integers(1, 4),
)
def test_the_book_of_one_client_alone_keeps_its_limit_and_its_counts(
    name: str, steps: list[tuple[str, bool, int]], max_models: int | None
) -> None:
    talker = Talker(build_manager(name, "lru", StrategyContext(max_models=max_models)))
    now_ns = 0
    for model, ok, pause_ns in steps:
        now_ns += pause_ns
        talker.ask(model, now_ns, ok=ok)
        if max_models is not None:
            assert len(believed(talker.manager, now_ns)) <= max_models
    stats = talker.manager.stats()
    assert stats.accesses == len(steps)
    assert stats.failures == sum(not ok for _, ok, _ in steps)
    assert stats.expected_hits <= max(0, len(steps) - len({model for model, _, _ in steps}))
    assert talker.manager.view(now_ns).in_flight == ()


class Witness:
    """A strategy that is not thread-safe and notices it: overlapping calls, and unloads of models under way."""

    name = "witness"
    reads_memory = True

    def __init__(self, inner: ByUnloads) -> None:
        self.inner = inner
        self.inside = 0
        self.overlaps = 0
        self.under_way: Counter[str] = Counter()
        self.wrong_views = 0
        self.busy_unloads = 0

    def before(self, access: Access, view: HostView) -> Directive:
        self._enter()
        directive = self.inner.before(access, view)
        self.wrong_views += dict(view.in_flight) != dict(self.under_way)
        self.busy_unloads += any(self.under_way[victim] for victim in directive.unload_before)
        self.under_way[access.model] += 1
        self._leave()
        return directive

    def after(self, access: Access, answer: Answer) -> None:
        self._enter()
        self.inner.after(access, answer)
        self.under_way[access.model] -= 1
        if not self.under_way[access.model]:
            del self.under_way[access.model]
        self._leave()

    def _enter(self) -> None:
        self.inside += 1
        self.overlaps += self.inside > 1

    def _leave(self) -> None:
        self.inside -= 1


def test_thirty_two_threads_share_a_manager() -> None:
    threads, each = 32, 150
    room = SizedRoom({name: 3 + 2 * index for index, name in enumerate(MODELS)}, 24)
    witness = Witness(ByUnloads("lru-unload", Lru(), Premises(3, room, frozenset(), {})))
    manager = CacheManager(witness, max_models=3)
    start = threading.Barrier(threads)
    ticks = iter(range(10**9))

    def work(thread: int) -> int:
        draw = random.Random(thread)
        expected = 0
        start.wait()
        for index in range(each):
            access = Access(f"{thread}-{index}", draw.choice(MODELS), next(ticks))
            directive = manager.directive_for(access)
            expected += len(directive.unload_before)
            assert access.model not in directive.unload_before
            if index % 7 == 0:
                rows = manager.view(next(ticks)).loaded
                manager.reconcile(HostView(rows[draw.randrange(len(rows) + 1) :], ()), next(ticks))
            manager.finished(access, Answer(next(ticks), None, ok=draw.random() < 0.9))
        return expected

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads change places in the middle of everything; without the lock this test fails
    try:
        with ThreadPoolExecutor(threads) as pool:
            unloads = sum(pool.map(work, range(threads)))
    finally:
        sys.setswitchinterval(interval_s)

    stats = manager.stats()
    assert (witness.overlaps, witness.wrong_views, witness.busy_unloads) == (0, 0, 0)
    assert stats.accesses == threads * each
    assert stats.unloads == unloads > 0
    assert stats.reconciliations == threads * 22
    assert 0 < stats.expected_hits < stats.accesses
    assert 0 < stats.failures < stats.accesses
    assert manager.view(10**9).in_flight == ()
    assert not witness.under_way
