"""The virtual host: a client of callbacks, and what it learns about each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import SimulationError, UsageError
from toolkit.host.machine import GpuHardware, HostHardware, LinearFootprint, LinearFootprints
from toolkit.host.scheduler import GpuSpec, LoadFailure, ModelSpec
from toolkit.host.virtual import Ask, Constant, LoadPlan, LoadStart, RequestRecord, VirtualHost

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
S = 1_000_000_000
LOAD_NS, UNLOAD_NS, SERVICE_NS = 2 * S + 1, S // 5 + 1, S + 1


class Flaky(Constant):
    """Loads of model `b` crash."""

    __slots__ = ()

    def load(self, start: LoadStart) -> LoadPlan:
        if start.launch.model.name == "b":
            return LoadPlan(S, LoadFailure("error", f"attempt {start.attempt}"))
        return LoadPlan(self.load_duration_ns)


class Client:
    """Notes down every record."""

    def __init__(self, timing: Any = None, *, slots: bool = True, **environment: str) -> None:
        models = [ModelSpec(name, name * 64, 2 * GIB, "llama", 32, 4096, 32, 8, 131072) for name in "abcd"]
        gpu = GpuHardware(GpuSpec("GPU-0", "CUDA", 24 * GIB), 24 * GIB, S // 2 + 1)
        self.host = VirtualHost(
            HostHardware((gpu,), 64 * GIB, 48 * GIB),
            models,
            environment,
            timing=timing or Constant(LOAD_NS, UNLOAD_NS, SERVICE_NS),
            footprints=LinearFootprints({model.digest: LinearFootprint(3 * GIB) for model in models}),
            slots=slots,
        )
        self.records: dict[str, RequestRecord] = {}

    def note(self, record: RequestRecord) -> None:
        assert record.id not in self.records, "a record came twice"
        self.records[record.id] = record

    def ask(self, t_ns: int, id_: str, model: str, **more: Any) -> None:
        self.host.at(t_ns, lambda: self.host.submit(Ask(id_, model, **more), on_done=self.note))

    def cancel_after(self, t_ns: int, after_ns: int, ask: Ask) -> None:
        def send() -> None:
            ticket = self.host.submit(ask, on_done=self.note)
            assert ticket is not None
            self.host.at(t_ns + after_ns, lambda: self.host.cancel(ticket))

        self.host.at(t_ns, send)


@pytest.fixture
def client() -> Callable[..., Client]:
    return Client


def test_a_record_tells_the_whole_story_of_a_swap(client: Callable[..., Client]) -> None:
    one = client(OLLAMA_MAX_LOADED_MODELS="1")
    one.ask(0, "r1", "a", keep_alive="1h")
    one.ask(10 * S, "r2", "b")
    one.host.run()
    record = one.records["r2"]
    assert (record.path, record.outcome, record.status, record.reload) == ("load", "ok", 200, False)
    assert record.victims == ("a#1",)
    assert record.queued_ns == record.dequeued_ns == record.arrived_ns == 10 * S
    assert record.evict_wait_ns == S * 3 // 4, "unload, then the poll that finds the memory back"
    assert record.load_start_ns == 10 * S + S * 3 // 4
    assert record.load_end_ns == record.served_ns == record.service_start_ns == record.load_start_ns + LOAD_NS
    assert record.done_ns == record.served_ns + SERVICE_NS
    assert (record.runner, record.slot_wait_ns) == ("b#2", 0)


def test_a_reload_is_told_from_a_cold_load(client: Callable[..., Client]) -> None:
    one = client()
    one.ask(0, "r1", "a", options=(("num_ctx", 4096),))
    one.ask(10 * S, "r2", "a", options=(("num_ctx", 8192),))
    one.host.run()
    assert (one.records["r1"].reload, one.records["r2"].reload) == (False, True)


def test_slots_are_handed_on_in_the_order_of_the_runner(client: Callable[..., Client]) -> None:
    one = client(OLLAMA_NUM_PARALLEL="2")
    for number in range(4):
        one.ask(number, f"r{number}", "a")
    one.host.run()
    waits = [one.records[f"r{number}"].slot_wait_ns for number in range(4)]
    assert waits == [0, 0, SERVICE_NS, SERVICE_NS]


def test_without_slots_nobody_waits_inside(client: Callable[..., Client]) -> None:
    one = client(slots=False)
    for number in range(4):
        one.ask(number, f"r{number}", "a")
    one.host.run()
    assert {record.slot_wait_ns for record in one.records.values()} == {0}


def test_who_leaves_the_line_for_a_slot_is_not_served_from_it(client: Callable[..., Client]) -> None:
    one = client()
    one.ask(0, "r1", "a")
    one.cancel_after(2 * S + 5, 10, Ask("r2", "a"))
    one.host.run()
    assert one.records["r2"].outcome == "cancelled"
    assert one.records["r2"].service_start_ns is None


@pytest.mark.parametrize(
    ("after_ns", "outcome", "status"), [(S, "failed", 499), (LOAD_NS + 5, "cancelled", 499), (S * 100, "ok", 200)]
)
def test_what_a_cancelled_request_becomes(
    client: Callable[..., Client], after_ns: int, outcome: str, status: int
) -> None:
    one = client()
    one.cancel_after(0, after_ns, Ask("r1", "a"))
    one.host.run()
    assert (one.records["r1"].outcome, one.records["r1"].status) == (outcome, status)


def test_a_request_cancelled_in_the_queue_is_dropped(client: Callable[..., Client]) -> None:
    one = client()
    one.ask(0, "r1", "a")
    one.cancel_after(1, 5, Ask("r2", "b"))
    one.host.run()
    assert one.records["r2"].outcome == "dropped"


def test_failed_refused_and_rejected(client: Callable[..., Client]) -> None:
    one = client(Flaky(LOAD_NS, UNLOAD_NS, SERVICE_NS), OLLAMA_MAX_QUEUE="1")
    one.ask(0, "r1", "b")
    one.ask(1, "r2", "b")
    one.ask(2, "r3", "b")
    one.ask(3, "r4", "a", keep_alive="soon")
    one.ask(4, "r5", "a", options=(("num_ctx", "many"),))
    one.host.run()
    told = {id_: (record.outcome, record.status, record.error) for id_, record in one.records.items()}
    assert told["r1"] == ("failed", 500, "attempt 1")
    assert told["r2"] == ("failed", 500, "attempt 2")
    assert told["r3"][:2] == ("rejected", 503)
    assert told["r4"] == ("rejected", 400, 'time: invalid duration "soon"')
    assert told["r5"] == ("rejected", 500, 'option "num_ctx" must be of type integer')


def test_preloads_and_unload_calls(client: Callable[..., Client]) -> None:
    one = client()
    one.ask(0, "r1", "a", kind="preload", keep_alive=-1)
    one.ask(5 * S, "r2", "a", kind="preload", keep_alive="0s")
    one.host.run()
    assert one.records["r2"].outcome == "ok"
    assert one.host.ps() == ()


def test_callbacks_may_do_anything_in_their_instant(client: Callable[..., Client]) -> None:
    """Submitting, unloading and scheduling from inside a callback, many deep, in the instant of an eviction."""
    one = client(OLLAMA_MAX_LOADED_MODELS="1")
    seen: list[str] = []

    def again(record: RequestRecord) -> None:
        seen.append(record.id)
        if len(seen) < 20:
            number = len(seen)
            one.host.submit(Ask(f"r{number}", "abcd"[number % 4]), on_done=again)
            one.host.unload("a")

    one.host.at(0, lambda: one.host.submit(Ask("r0", "a"), on_done=again))
    one.host.run()
    assert seen == [f"r{number}" for number in range(20)]


def test_served_is_called_back_before_done(client: Callable[..., Client]) -> None:
    one = client()
    order: list[str] = []
    one.host.at(
        0,
        lambda: one.host.submit(
            Ask("r1", "a"),
            on_served=lambda ticket: order.append(f"served {ticket.id} at {one.host.now_ns}"),
            on_done=lambda record: order.append(f"done at {record.done_ns}"),
        ),
    )
    one.host.run()
    assert order == [f"served r1 at {LOAD_NS}", f"done at {LOAD_NS + SERVICE_NS}"]


def test_ps_and_the_clock(client: Callable[..., Client]) -> None:
    one = client()
    one.ask(0, "r1", "a")
    one.host.run(S)
    assert (one.host.now_ns, one.host.ps()) == (S, ())
    one.host.run(3 * S)
    [entry] = one.host.ps()
    assert (entry.name, entry.num_ctx, entry.ref_count, entry.expires_at_ns) == ("a", 32768, 1, None)
    with pytest.raises(SimulationError, match="cannot schedule for 0 ns"):
        one.host.at(0, lambda: None)


def test_an_unknown_model_is_named(client: Callable[..., Client]) -> None:
    with pytest.raises(UsageError, match="no model 'z'; it has a, b, c, d"):
        client().host.submit(Ask("r1", "z"))


def test_the_same_calls_give_the_same_records(client: Callable[..., Client]) -> None:
    def run() -> list[RequestRecord]:
        one = client(OLLAMA_MAX_LOADED_MODELS="2", OLLAMA_NUM_PARALLEL="2")
        for number in range(200):
            one.ask(number * S // 3, f"r{number}", "abcd"[number * number % 7 % 4], keep_alive=f"{number % 9}s")
        one.host.run()
        return list(one.records.values())

    assert run() == run()
