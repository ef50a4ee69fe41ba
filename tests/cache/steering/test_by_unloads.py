"""Who is unloaded before a load, and what travels with the requests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.fixed import FOR_EVER_NS, RAM_NS
from toolkit.cache.offline_slots import lru_hits
from toolkit.cache.policies.lru import Lru
from toolkit.cache.room import SizedRoom, SlotRoom
from toolkit.cache.steering.by_unloads import ByUnloads
from toolkit.cache.steering.following import Premises
from toolkit.cache.strategy import Access, Answer, Directive, HostView, LoadedModel, Room

if TYPE_CHECKING:
    from collections.abc import Iterable

MODELS = "abcdef"


def view(loaded: str = "", busy: str = "") -> HostView:
    """A host that lists these models, with one own request under way for each of `busy`."""
    return HostView(tuple(LoadedModel(name, "", 0, 0, None) for name in loaded), tuple((name, 1) for name in busy))


def lru_unload(max_models: int | None, room: Room | None, pinned: Iterable[str] = ()) -> ByUnloads:
    """What the name `lru-unload` stands for."""
    return ByUnloads("lru-unload", Lru(), Premises(max_models, room, frozenset(pinned), {}))


class Client:
    """A strategy with a host that does at once what it is told; requests may overlap."""

    def __init__(self, strategy: ByUnloads) -> None:
        self.strategy = strategy
        self.loaded: list[str] = []
        self.busy: Counter[str] = Counter()
        self.sent = 0
        self.hits = 0

    def view(self) -> HostView:
        rows = tuple(LoadedModel(name, "", 0, 0, None) for name in self.loaded)
        return HostView(rows, tuple(self.busy.items()))

    def begin(self, model: str) -> tuple[Access, Directive]:
        self.sent += 1
        access = Access(str(self.sent), model, self.sent)
        directive = self.strategy.before(access, self.view())
        for victim in directive.unload_before:
            self.loaded.remove(victim)
        self.hits += model in self.loaded
        if model not in self.loaded:
            self.loaded.append(model)
        self.busy[model] += 1
        return access, directive

    def end(self, access: Access) -> None:
        self.busy[access.model] -= 1
        if not self.busy[access.model]:
            del self.busy[access.model]
        self.strategy.after(access, Answer(access.now_ns, None, ok=True))

    def ask(self, model: str) -> Directive:
        access, directive = self.begin(model)
        self.end(access)
        return directive


def test_the_least_recently_used_goes_first() -> None:
    client = Client(lru_unload(2, None))
    assert [client.ask(model).unload_before for model in "abac"] == [(), (), (), ("b",)]


def test_a_model_never_used_by_this_client_goes_before_those_it_used() -> None:
    strategy = lru_unload(3, None)
    strategy.before(Access("1", "a", 1), view("zya"))
    strategy.after(Access("1", "a", 2), Answer(2, None, ok=True))
    assert strategy.before(Access("2", "b", 3), view("zya")).unload_before == ("y",)


def test_as_many_go_as_the_size_needs_and_no_more() -> None:
    client = Client(lru_unload(None, SizedRoom({"a": 5, "b": 5, "c": 5, "d": 9, "e": 20}, 20)))
    assert [client.ask(model).unload_before for model in "abcde"] == [(), (), (), ("a",), ("b", "c", "d")]


def test_busy_pinned_and_wanted_models_stay() -> None:
    strategy = lru_unload(1, None, pinned=("p",))
    assert strategy.before(Access("1", "x", 1), view("abpq", busy="a")).unload_before == ("b", "q")
    assert strategy.before(Access("2", "b", 2), view("abp", busy="a")).unload_before == ()


def test_a_model_that_is_still_loading_takes_its_place() -> None:
    strategy = lru_unload(2, SlotRoom(2))
    assert strategy.before(Access("1", "b", 1), view("a")).unload_before == ()
    assert strategy.before(Access("2", "c", 2), view("a", busy="b")).unload_before == ("a",)
    assert strategy.before(Access("3", "b", 3), view("a", busy="bc")).unload_before == ()


def test_without_limits_nothing_is_unloaded() -> None:
    assert lru_unload(None, None).before(Access("1", "x", 1), view("abcdef")).unload_before == ()


def test_keep_alive_travels_with_the_load_and_not_with_the_hits() -> None:
    """A hit that carries a keep_alive could undo an eviction of the server and stall the load behind it."""
    client = Client(lru_unload(1, None, pinned=("p",)))
    assert [client.ask(model).keep_alive_ns for model in "aabap"] == [RAM_NS, None, RAM_NS, RAM_NS, FOR_EVER_NS]


def test_a_model_that_someone_else_loaded_gets_our_duration_once() -> None:
    strategy = lru_unload(None, None)
    sent = [strategy.before(Access(str(index), "a", index), view("a")).keep_alive_ns for index in range(3)]
    assert sent == [RAM_NS, None, None]


def test_while_a_load_is_pending_no_resident_model_gets_a_duration() -> None:
    """It may be the victim that the load waits for: a keep_alive would undo its eviction and stall the load."""
    strategy = lru_unload(None, None)
    waiting, quiet = view("a", busy="b"), view("ab")
    sent = [strategy.before(Access(str(i), "a", i), seen).keep_alive_ns for i, seen in enumerate([waiting, quiet])]
    assert sent == [None, RAM_NS]


def test_a_model_that_vanished_gets_our_duration_anew() -> None:
    strategy = lru_unload(None, None)
    sent = [strategy.before(Access(str(i), "a", i), view(rows)).keep_alive_ns for i, rows in enumerate(["a", "", "a"])]
    assert sent == [RAM_NS, RAM_NS, None]


def test_a_victim_counts_as_gone_until_the_request_that_wanted_its_room_is_answered() -> None:
    strategy = lru_unload(2, None)
    first = Access("1", "c", 1)
    assert strategy.before(first, view("ab")).unload_before == ("a",)
    # `/api/ps` still lists the victim, and the load is under way: the victim is not unloaded a second time …
    assert strategy.before(Access("2", "d", 2), view("ab", busy="c")).unload_before == ("b",)
    # … and a request for it loads, but must not bring a keep_alive that would undo the unload.
    again = strategy.before(Access("3", "a", 3), view("ab", busy="cd"))
    assert again.keep_alive_ns is None
    strategy.after(first, Answer(4, None, ok=True))
    assert strategy.before(Access("5", "e", 5), view("ac", busy="d")).unload_before == ("c", "a")


def test_the_unload_of_a_failed_request_is_forgotten_too() -> None:
    strategy = lru_unload(1, None)
    first = Access("1", "b", 1)
    assert strategy.before(first, view("a")).unload_before == ("a",)
    strategy.after(first, Answer(2, None, ok=False))
    assert strategy.before(Access("2", "c", 3), view("a")).unload_before == ("a",)


@given(st.lists(st.sampled_from(MODELS), max_size=60), st.integers(1, 6))
def test_one_at_a_time_it_is_lru(requests: list[str], slots: int) -> None:
    client = Client(lru_unload(slots, None))
    for model in requests:
        client.ask(model)
    assert client.hits == lru_hits(requests, slots)


STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from(MODELS), st.integers(0, 5)), max_size=60)


@given(STEPS, st.none() | st.integers(1, 4), st.integers(5, 40), st.frozensets(st.sampled_from(MODELS), max_size=2))
def test_laws_of_a_directive_under_overlapping_requests(
    steps: list[tuple[bool, str, int]], max_models: int | None, capacity: int, pinned: frozenset[str]
) -> None:
    room = SizedRoom({name: 3 + 2 * index for index, name in enumerate(MODELS)}, capacity)
    client = Client(lru_unload(max_models, room, pinned))
    last_use: dict[str, int] = {}
    under_way: list[Access] = []

    def has_room(model: str, resident: set[str]) -> bool:
        enough_places = max_models is None or len(resident) < max_models
        return enough_places and (not resident or room.fits(model, frozenset(resident)))

    for ends_one, model, which in steps:
        if ends_one and under_way:
            client.end(under_way.pop(which % len(under_way)))
            continue
        before, busy = set(client.loaded), set(client.busy)
        access, directive = client.begin(model)
        under_way.append(access)
        victims = directive.unload_before
        idle = sorted(before - busy - pinned, key=lambda name: (last_use.get(name, 0), name))
        if model in before:
            assert victims == ()
        else:
            assert list(victims) == idle[: len(victims)]  # idle, not pinned, oldest first
            assert has_room(model, before.difference(victims)) or len(victims) == len(idle)
            assert not victims or not has_room(model, before.difference(victims[:-1]))  # the last was needed
        last_use[model] = client.sent


@given(STEPS, st.integers(1, 4))
def test_the_same_calls_give_the_same_directives(steps: list[tuple[bool, str, int]], max_models: int) -> None:
    one, two = Client(lru_unload(max_models, None)), Client(lru_unload(max_models, None))
    for _, model, _ in steps:
        assert one.ask(model) == two.ask(model)
