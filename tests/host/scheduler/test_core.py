"""The inputs of the scheduler, by hand: every state of both loops, and what each effect means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import SimulationError
from toolkit.host.scheduler import FOREVER_NS, Eviction

if TYPE_CHECKING:
    from collections.abc import Callable

S = 1_000_000_000


def test_a_cold_request_starts_a_process_and_is_served_when_it_is_up(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.ask("r1", "a")
    assert [type(effect).__name__ for effect in bench.effects] == ["StartProcess"]
    assert bench.scheduler.states == ("loading", "idle")
    bench.up()
    assert bench.served == [("r1", "load")]
    assert bench.scheduler.states == ("idle", "idle")


def test_a_warm_request_is_served_at_once_and_needs_no_new_timer(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a")
    bench.finish("r1")
    assert len(bench.of("SetTimer")) == 1
    bench.ask("r2", "a")
    bench.finish("r2")
    assert bench.served[-1] == ("r2", "fast")
    assert len(bench.of("SetTimer")) == 1, "the earlier wake-up is enough; it finds the later time"


def test_an_early_wake_up_finds_the_later_time(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", 10 * S)
    bench.finish("r1")
    bench.now_ns += 5 * S
    bench.ask("r2", "a")
    bench.finish("r2")
    bench.wake("expiry")
    assert not bench.of("EndProcess")
    bench.wake("expiry")
    assert len(bench.of("EndProcess")) == 1


def test_a_shorter_keep_alive_sets_an_earlier_timer_and_the_old_one_is_ignored(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", 100 * S)
    bench.finish("r1")
    old = bench.of("SetTimer")[-1].timer
    bench.ask("r2", "a", S)
    bench.finish("r2")
    assert bench.of("SetTimer")[-1].due_ns < old.due_ns
    assert bench.scheduler.timer(old, old.due_ns) == ()


def test_for_ever_needs_no_timer_at_all(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", FOREVER_NS)
    bench.finish("r1")
    assert not bench.of("SetTimer")
    [entry] = bench.scheduler.runners()
    assert (entry.expires_at_ns, entry.timer_armed) == (FOREVER_NS, True)


def test_a_timer_that_became_for_ever_is_not_set_again(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", S)
    bench.finish("r1")
    bench.ask("r2", "a", FOREVER_NS)
    bench.finish("r2")
    bench.wake("expiry")
    assert len(bench.of("SetTimer")) == 1


def test_a_duration_of_zero_or_overflow_unloads_when_idle(desk: Callable[..., Any]) -> None:
    for keep_alive_ns in (0, -(1 << 63)):
        bench = desk()
        bench.load("r1", "a", keep_alive_ns)
        bench.finish("r1")
        assert len(bench.of("EndProcess")) == 1


def test_while_a_process_ends_everybody_waits_at_the_gate(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", FOREVER_NS)
    bench.load("r2", "b", 0)
    bench.finish("r2")
    assert bench.scheduler.gate_closed
    warm = bench.ask("r3", "a")
    bench.unload("a")
    assert warm.served_ns is None
    bench.gone()
    assert bench.served[-1] == ("r3", "fast")
    [entry] = bench.scheduler.runners()
    assert entry.session_ns == 0, "the unload call came through after it"


def test_who_leaves_at_the_gate_is_served_and_over_in_one_instant(desk: Callable[..., Any]) -> None:
    bench = desk(gpus=0)
    bench.load("r1", "a", FOREVER_NS)
    bench.finish("r1")
    bench.load("r2", "b", 0)
    bench.finish("r2")
    bench.ask("r3", "a")
    bench.cancel("r3")
    bench.gone()
    assert bench.served[-1] == ("r3", "fast")
    [entry] = bench.scheduler.runners()
    assert entry.ref_count == 0


def test_a_load_that_is_up_at_a_closed_gate_serves_when_it_opens(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", 0)
    bench.ask("r2", "b")
    bench.finish("r1")
    bench.up()
    assert bench.scheduler.states == ("up_at_gate", "process_ending")
    bench.gone()
    assert bench.served[-1] == ("r2", "load")


def test_who_leaves_between_load_and_gate_gets_499_and_his_runner_goes(desk: Callable[..., Any]) -> None:
    bench = desk(gpus=0)
    bench.load("r1", "a", 0)
    bench.ask("r2", "b")
    bench.finish("r1")
    bench.up()
    bench.cancel("r2")
    bench.gone()
    assert [(fail.request.id, fail.status) for fail in bench.of("Fail")] == [("r2", 499)]
    assert bench.of("EndProcess")[-1].runner.name == "b#2"


def test_a_load_that_fails_at_a_closed_gate_is_judged_when_it_opens(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", 0)
    bench.ask("r2", "b")
    bench.finish("r1")
    bench.crash()
    assert bench.scheduler.states[0] == "failed_at_gate"
    assert not bench.of("Fail")
    bench.gone()
    assert [(fail.request.id, fail.status) for fail in bench.of("Fail")] == [("r2", 500)]


def test_cancel_while_loading_kills_the_process_and_answers_when_it_is_gone(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.ask("r1", "a")
    bench.cancel("r1")
    assert bench.scheduler.states[0] == "killing"
    assert not bench.of("Fail")
    bench.gone()
    assert [(fail.request.id, fail.status) for fail in bench.of("Fail")] == [("r1", 499)]


def test_cancel_in_the_queue_keeps_the_place_until_dequeued(desk: Callable[..., Any]) -> None:
    bench = desk({"OLLAMA_MAX_QUEUE": "1"})
    bench.ask("r1", "a")
    bench.ask("r2", "b")
    bench.cancel("r2")
    bench.ask("r3", "b")
    assert [reject.request.id for reject in bench.of("Reject")] == ["r3"]
    bench.up()
    assert [drop.request.id for drop in bench.of("Drop")] == ["r2"]


def test_cancel_twice_or_after_the_end_changes_nothing(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a")
    bench.finish("r1")
    before = len(bench.effects)
    bench.cancel("r1")
    bench.cancel("r1")
    assert len(bench.effects) == before


def test_a_queue_without_places_takes_only_what_the_idle_loop_takes_in_hand(desk: Callable[..., Any]) -> None:
    bench = desk({"OLLAMA_MAX_QUEUE": "0"})
    bench.ask("r1", "a")
    bench.ask("r2", "b")
    assert [reject.request.id for reject in bench.of("Reject")] == ["r2"]
    bench.up()
    bench.ask("r3", "b")
    assert bench.scheduler.states[0] == "loading"


def test_without_mailbox_places_the_completion_side_can_lock_itself_up(desk: Callable[..., Any]) -> None:
    """With OLLAMA_MAX_QUEUE=0 an end of a request with keep_alive 0 finds no place for its own notice."""
    bench = desk({"OLLAMA_MAX_QUEUE": "0"})
    bench.load("r1", "a", 0)
    bench.finish("r1")
    assert bench.scheduler.states == ("idle", "stuck")
    assert not bench.of("EndProcess")
    held = bench.ask("r2", "a")
    assert held.served_ns is None, "the runner is held for good"


def test_a_full_signal_box_blocks_the_completion_side_until_the_load_is_over(desk: Callable[..., Any]) -> None:
    bench = desk({"OLLAMA_MAX_QUEUE": "1", "OLLAMA_MAX_LOADED_MODELS": "5"}, gpus=0)
    bench.load("r1", "a", 0)
    bench.load("r2", "b", 0)
    bench.ask("r3", "c")
    bench.finish("r1")
    bench.gone()
    bench.finish("r2")
    bench.gone()
    assert bench.scheduler.states == ("loading", "signalling")
    bench.up()
    assert bench.scheduler.states == ("idle", "idle")


def test_a_full_notice_box_holds_the_runner_whose_timer_ran_out(desk: Callable[..., Any]) -> None:
    bench = desk({"OLLAMA_MAX_QUEUE": "1", "OLLAMA_MAX_LOADED_MODELS": "5"})
    for number, model in enumerate("abc"):
        bench.load(f"r{number}", model, (number + 1) * S)
        bench.finish(f"r{number}")
    timers = [effect.timer for effect in bench.of("SetTimer") if effect.timer.kind == "expiry"]
    for timer in timers:
        bench._did(bench.scheduler.timer(timer, timer.due_ns))
    bench.now_ns = timers[-1].due_ns
    bench.gone()
    waiting = bench.ask("r9", "c")
    assert waiting.served_ns is None, "the timer of c holds it while its notice finds no place"
    bench.wake("poll")
    bench.memory.free_bytes = [0]
    while waiting.phase == 1:
        bench.wake("poll")
    assert waiting.queued_ns is not None or waiting.served_ns is not None


def test_a_busy_victim_is_waited_for_and_told_when_its_last_request_ends(desk: Callable[..., Any]) -> None:
    bench = desk({"OLLAMA_MAX_LOADED_MODELS": "1"})
    bench.load("r1", "a", FOREVER_NS)
    request = bench.ask("r2", "b")
    assert bench.scheduler.states == ("awaiting_unload", "idle")
    [eviction] = request.evictions
    assert isinstance(eviction, Eviction)
    assert (eviction.reason, eviction.victim.name) == ("max_models", "a#1")
    bench.finish("r1")
    assert bench.of("EndProcess")[-1].runner.name == "a#1"


def test_out_of_memory_lowers_an_automatic_context_once(desk: Callable[..., Any]) -> None:
    bench = desk()
    spec = bench.model("a")
    request = type(bench.ask("r0", "z"))("r1", spec, bench.scheduler.resolve(spec))
    bench.up()
    bench.finish("r0")
    bench._did(bench.scheduler.submit(request, bench._tick()))
    assert bench.started[-1].launch.num_ctx == 32768
    bench.crash("oom")
    bench.gone()
    bench.memory.free_bytes = [20 << 30]
    bench.wake("poll")
    bench.memory.free_bytes = [24 << 30]
    bench.wake("poll")
    assert bench.started[-1].launch.num_ctx == 4096
    bench.crash("oom")
    assert [fail.status for fail in bench.of("Fail")] == [500]


def test_a_retry_whose_neighbours_have_gone_meanwhile_starts_at_once(desk: Callable[..., Any]) -> None:
    """The others unload during the failing load: there is nobody left to evict, and nothing to wait for."""
    bench = desk(gpus=0)
    bench.load("r1", "a", 0)
    spec = bench.model("b")
    request = type(bench.requests["r1"])("r2", spec, bench.scheduler.resolve(spec, {"num_gpu": -1}))
    bench.scheduler.default_num_ctx = 32768
    request.demand = bench.scheduler.resolve(spec)
    bench._did(bench.scheduler.submit(request, bench._tick()))
    bench.finish("r1")
    bench.gone()
    bench.crash("oom")
    assert bench.scheduler.states[0] == "loading"
    assert bench.started[-1].launch.num_ctx == 4096


def test_running_out_of_memory_while_serving_expires_everybody(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a", FOREVER_NS)
    bench.load("r2", "b", FOREVER_NS)
    bench.finish("r2")
    bench._did(bench.scheduler.out_of_memory(bench._tick()))
    assert bench.of("EndProcess")[-1].runner.name == "b#2"
    assert {entry.session_ns for entry in bench.scheduler.runners()} == {0}


def test_a_process_that_died_is_found_out_by_the_next_request(desk: Callable[..., Any]) -> None:
    bench = desk()
    bench.load("r1", "a")
    bench.finish("r1")
    bench.scheduler.process_died(bench.scheduler.runners()[0].runner)
    request = bench.ask("r2", "a")
    assert [eviction.reason for eviction in request.evictions] == ["reload"]


def test_inputs_against_the_rules_are_refused(desk: Callable[..., Any]) -> None:
    bench = desk()
    request = bench.ask("r1", "a")
    with pytest.raises(SimulationError, match="was submitted before"):
        bench.scheduler.submit(request, 5)
    with pytest.raises(SimulationError, match="is not being served"):
        bench.scheduler.finish(request, 5)
    runner = bench.up()
    with pytest.raises(SimulationError, match="is not being loaded"):
        bench.scheduler.load_done(runner, bench.reported, 6)
    with pytest.raises(SimulationError, match="nobody asked"):
        bench.scheduler.process_ended(runner, 6)
