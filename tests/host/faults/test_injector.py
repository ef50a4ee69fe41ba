"""Which requests and loads are hit, as a pure count over time."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.host.faults.injector import Injector
from toolkit.host.faults.plan import (
    ClockJump,
    FaultPlan,
    GpuMemoryTaken,
    HttpError,
    LoadFails,
    OutOfMemory,
    SlowDisk,
    Stall,
)
from toolkit.host.faults.when import Asked, LoadWhen, RequestWhen, Span


@dataclass
class FakeClock:
    """Tells the time that a test sets."""

    t_ns: int = 1000

    def now_ns(self) -> int:
        return self.t_ns

    def wall_ns(self) -> int:
        return self.t_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        self.t_ns += duration_ns


def asked(path: str = "/api/chat", model: str | None = None, at_ns: int = 0, method: str = "POST") -> Asked:
    return Asked(at_ns, method, path, model, None)


def hits(when: RequestWhen, requests: list[Asked], seed: int = 0) -> list[int]:
    """Which of the requests are hit."""
    injector = Injector(FaultPlan((Stall(when=when),), seed), FakeClock())
    return [number for number, request in enumerate(requests) if injector.request(request)]


def test_no_condition_means_all() -> None:
    assert hits(RequestWhen(), [asked()] * 3) == [0, 1, 2]


def test_nth_counts_what_fits_the_other_conditions() -> None:
    requests = [asked("/api/ps"), asked(), asked("/api/ps"), asked(), asked()]
    assert hits(RequestWhen(path="/api/chat", nth=(2, 3)), requests) == [3, 4]


def test_every_and_times() -> None:
    assert hits(RequestWhen(every=3), [asked()] * 9) == [2, 5, 8]
    assert hits(RequestWhen(every=3, times=2), [asked()] * 9) == [2, 5]


def test_a_path_is_a_pattern_and_a_method_has_no_case() -> None:
    requests = [asked("/api/chat"), asked("/api/generate"), asked("/v1/models", method="GET")]
    assert hits(RequestWhen(path="/api/*"), requests) == [0, 1]
    assert hits(RequestWhen(method="get"), requests) == [2]


def test_a_model_may_leave_out_its_tag() -> None:
    requests = [asked(model="llama3"), asked(model="llama3:latest"), asked(model="llama3:8b"), asked()]
    assert hits(RequestWhen(model="llama3"), requests) == [0, 1]


def test_a_window_is_half_open() -> None:
    requests = [asked(at_ns=t) for t in (9, 10, 19, 20)]
    assert hits(RequestWhen(after_ns=10, before_ns=20), requests) == [1, 2]


def test_a_predicate_sees_the_request() -> None:
    requests = [Asked(0, "POST", "/api/chat", "m", {"stream": stream}) for stream in (True, False)]
    assert hits(RequestWhen(predicate=lambda request: not request.body["stream"]), requests) == [1]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 200))
def test_chance_is_drawn_from_the_seed(seed: int, chance: float, count: int) -> None:
    when = RequestWhen(chance=chance)
    found = hits(when, [asked()] * count, seed)
    assert found == hits(when, [asked()] * count, seed)
    if chance in {0.0, 1.0}:
        assert len(found) == count * chance


def test_chance_is_about_right() -> None:
    assert 230 < len(hits(RequestWhen(chance=0.25), [asked()] * 1000)) < 270


@settings(deadline=None)
@given(st.lists(st.sampled_from(["/api/chat", "/api/ps"]), max_size=30), st.integers(0, 99))
def test_a_further_fault_changes_nothing_about_the_others(paths: list[str], seed: int) -> None:
    first = Stall(when=RequestWhen(chance=0.5))
    alone = Injector(FaultPlan((first,), seed), FakeClock())
    beside = Injector(FaultPlan((first, HttpError(when=RequestWhen(chance=0.5))), seed), FakeClock())
    for path in paths:
        struck = beside.request(asked(path))
        assert (first in struck) == bool(alone.request(asked(path)))


@settings(deadline=None)
@given(
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 4)),
    st.one_of(st.none(), st.integers(1, 4)),
    st.integers(0, 40),
)
def test_never_more_than_times_and_only_in_turn(nth: int, every: int | None, times: int | None, count: int) -> None:
    found = hits(RequestWhen(nth=tuple(range(nth, 40)), every=every, times=times), [asked()] * count)
    assert times is None or len(found) <= times
    assert all(place + 1 >= nth and (every is None or (place + 1) % every == 0) for place in found)


def test_loads_are_counted_by_themselves_and_the_first_fault_wins() -> None:
    plan = FaultPlan((LoadFails(when=LoadWhen(model="a", nth=(2,))), OutOfMemory(when=LoadWhen(model="a"))))
    injector = Injector(plan, FakeClock())
    assert injector.request(asked(model="a")) == ()
    assert [type(injector.load("a")).__name__ for _ in range(3)] == ["OutOfMemory", "LoadFails", "OutOfMemory"]
    assert injector.load("b") is None
    assert [hit.what for hit in injector.hits] == ["load a"] * 3


def test_a_span_lasts_from_its_time_to_its_end() -> None:
    clock = FakeClock()
    jump = ClockJump(by_ns=5, span=Span(at_ns=10, for_ns=20))
    injector = Injector(FaultPlan((jump,)), clock)
    changes = []
    for since_ns in (0, 9, 10, 29, 30):
        clock.t_ns = 1000 + since_ns
        changes.append((bool(injector.in_force(ClockJump)), injector.next_change_ns()))
    assert changes == [(False, 10), (False, 1), (True, 20), (True, 1), (False, None)]


def test_a_span_may_begin_with_a_request_but_only_once() -> None:
    clock = FakeClock()
    disk = SlowDisk(read_bytes_per_s=1, span=Span(on=RequestWhen(path="/api/chat", nth=(2,)), for_ns=50))
    injector = Injector(FaultPlan((disk,)), clock)
    states = []
    for since_ns in (0, 10, 20, 59, 60, 70):
        clock.t_ns = 1000 + since_ns
        assert injector.request(asked(at_ns=since_ns)) == ()
        states.append(bool(injector.in_force(SlowDisk)))
        injector.begun()
    assert states == [False, True, True, True, False, False]
    assert [(hit.at_ns, hit.fault) for hit in injector.hits] == [(10, "slow_disk")]


def test_what_has_begun_is_named_once() -> None:
    clock = FakeClock()
    taken = GpuMemoryTaken(memory_bytes=1, span=Span(at_ns=10))
    injector = Injector(FaultPlan((taken,)), clock)
    assert injector.begun() == ()
    clock.t_ns += 15
    assert injector.begun() == (taken,)
    assert injector.begun() == ()
    assert injector.hits[0].at_ns == 10


def test_a_fault_may_be_added_later() -> None:
    injector = Injector(FaultPlan(), FakeClock())
    assert injector.request(asked()) == ()
    injector.add(Stall(when=RequestWhen(nth=(1,))))
    assert len(injector.request(asked())) == 1
