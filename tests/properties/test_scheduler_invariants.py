"""The numbered invariants of docs/scheduler.md, over random hosts, models, settings and traffic."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.host.scheduler import FOREVER_NS, Runner
from toolkit.host.scheduler.transitions import IDLE, SIGNALLING, STUCK
from toolkit.host.trace.play import Play
from toolkit.host.trace.scenario import Scenario

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from toolkit.host.trace.recorder import Recorder
    from toolkit.host.virtual import VirtualHost

S = 1_000_000_000
GIB = 1 << 30
DAY_NS = 86_400 * S
many = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])

# Random scenarios ------------------------------------------------------------------------------------------------


def odd(low: int, high: int) -> SearchStrategy[int]:
    """Durations of every size, zero included."""
    return st.one_of(st.just(low), st.integers(low, high))


gpus = st.lists(
    st.fixed_dictionaries(
        {
            "library": st.sampled_from(["CUDA", "CUDA", "ROCm", "Vulkan", "Metal"]),
            "total": st.sampled_from([8 * GIB, 16 * GIB, 24 * GIB, 80 * GIB]),
            "taken": st.sampled_from([0, 0, 3 * GIB]),
            "recovery_delay_ns": odd(0, 7 * S),
            "integrated": st.booleans(),
            "compute_major": st.sampled_from([5, 8]),
        }
    ),
    max_size=3,
)
environments = st.fixed_dictionaries(
    {},
    optional={
        "OLLAMA_MAX_QUEUE": st.sampled_from(["0", "1", "2", "3", "512"]),
        "OLLAMA_MAX_LOADED_MODELS": st.sampled_from(["1", "2", "3"]),
        "OLLAMA_NUM_PARALLEL": st.sampled_from(["1", "2", "4"]),
        "OLLAMA_KEEP_ALIVE": st.sampled_from(["0", "5s", "-1", "nonsense", "90"]),
        "OLLAMA_CONTEXT_LENGTH": st.sampled_from(["2048", "32768"]),
        "OLLAMA_SCHED_SPREAD": st.sampled_from(["1", "0"]),
        "OLLAMA_FLASH_ATTENTION": st.sampled_from(["0", "1"]),
        "OLLAMA_GPU_OVERHEAD": st.sampled_from(["2147483648", "999999999999"]),
    },
)
models = st.lists(
    st.fixed_dictionaries(
        {
            "file_size": st.sampled_from([GIB // 2, 4 * GIB, 13 * GIB, 40 * GIB]),
            "architecture": st.sampled_from(["llama", "qwen35moe", "bert"]),
            "context_length": st.sampled_from([0, 8192, 131072]),
            "load_ns": odd(0, 30 * S),
            "unload_ns": odd(0, 8 * S),
            "vram": st.sampled_from([0, GIB, 6 * GIB, 30 * GIB]),
            "vram_per_token": st.sampled_from([0, 65536]),
            "fail": st.sampled_from([None, None, None, "error", "oom"]),
            "fail_attempts": st.sampled_from([None, 1]),
            "fail_if_others_loaded": st.booleans(),
        }
    ),
    min_size=1,
    max_size=5,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "num_ctx": st.sampled_from([2, 4096, 8192, 200_000]),
        "num_batch": st.sampled_from([128, 1024, 2048]),
        "num_gpu": st.sampled_from([-1, 0, 10, 99]),
        "main_gpu": st.sampled_from([0, 1, 7]),
        "use_mmap": st.booleans(),
    },
)
requests = st.lists(
    st.fixed_dictionaries(
        {
            "gap_ns": st.one_of(st.just(0), st.integers(1, 3 * S), st.integers(1, 60 * S)),
            "model": st.integers(0, 4),
            "kind": st.sampled_from(["chat", "chat", "chat", "chat", "preload", "unload"]),
            "keep_alive": st.sampled_from([None, None, 0, "0", "1ns", "2s", "5m", -1, 1.5, 1e12, "bad", True]),
            "options": st.one_of(st.just({}), options),
            "service_ns": odd(0, 20 * S),
            "cancel_after_ns": st.one_of(st.none(), st.none(), odd(0, 20 * S)),
        }
    ),
    min_size=1,
    max_size=25,
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario of the golden format."""
    chosen_models = draw(models)
    t_ns = 0
    asked: list[dict[str, Any]] = []
    for number, sent in enumerate(draw(requests)):
        ask: dict[str, Any] = {**sent}
        t_ns += ask.pop("gap_ns")
        cancel_after_ns = ask.pop("cancel_after_ns")
        ask["model"] = f"m{ask['model'] % len(chosen_models)}"
        cancel_at_ns = None if cancel_after_ns is None else t_ns + cancel_after_ns
        asked.append({**ask, "id": f"r{number}", "at_ns": t_ns, "cancel_at_ns": cancel_at_ns})
    host_gpus: list[dict[str, Any]] = [{**gpu, "id": f"GPU-{number}"} for number, gpu in enumerate(draw(gpus))]
    for gpu in host_gpus:
        gpu["free_at_start"] = gpu["total"] - gpu["taken"]
    digests = draw(st.permutations(range(len(chosen_models))))
    return Scenario.model_validate(
        {
            "id": "random",
            "profile": draw(st.sampled_from(["v0.32", "v0.32", "v0.24"])),
            "host": {
                "gpus": host_gpus,
                "system_memory_total": 64 * GIB,
                "system_memory_free": draw(st.sampled_from([0, 8 * GIB, 48 * GIB])),
            },
            "env": draw(environments),
            "slots": draw(st.booleans()),
            "models": [
                {
                    **model,
                    "name": f"m{number}",
                    "digest": f"{digests[number]:064x}",
                    "block_count": 32,
                    "embedding_length": 4096,
                    "head_count": 32,
                    "head_count_kv": 8,
                    "embedding": model["architecture"] == "bert",
                    "total_extra": GIB // 4,
                }
                for number, model in enumerate(chosen_models)
            ],
            "requests": asked,
            "end_ns": t_ns + 2 * DAY_NS,
        }
    )


# A run under watch -----------------------------------------------------------------------------------------------


class Watch:
    """Checks at every event what must hold at that moment, and passes the event on."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.host: VirtualHost | None = None
        self.last_ns = 0
        self.loading: Runner | None = None
        self.serving: Counter[Runner] = Counter()

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        assert now_ns >= self.last_ns, "INV-6: time went back"
        self.last_ns = now_ns
        runner: Any = fields.get("runner")
        if name == "load_start":
            assert self.loading is None, "INV-3: two loads at once"
            self.loading = runner
        elif name in {"load_done", "load_killed"} or (name == "load_failed" and fields["failure"].kind != "canceled"):
            assert self.loading is runner, "INV-3: not the load that was started"
            self.loading = None
        elif name == "request_served":
            self._served(runner)
        elif name == "request_finished":
            self.serving[runner] -= 1
        elif name == "unload_start":
            self._unloads(runner)
        self.recorder.event(now_ns, name, **fields)
        self._memory(now_ns)

    def touched(self, now_ns: int, runner: Runner) -> None:
        assert now_ns >= self.last_ns, "INV-6: time went back"
        self.last_ns = now_ns
        assert runner.ref_count >= self.serving[runner], "INV-8: a user was not counted"
        self.recorder.touched(now_ns, runner)

    def _served(self, runner: Any) -> None:
        assert self.host is not None
        assert runner.alive, "INV-2: served by a dead process"
        assert runner in {entry.runner for entry in self.host.ps()}, "INV-2: served by a runner that is not loaded"
        assert not self.host.scheduler.gate_closed, "INV-9: served while a process was ending"
        self.serving[runner] += 1

    def _unloads(self, runner: Any) -> None:
        assert runner.ref_count == 0, "INV-5: a busy runner is closed"
        assert self.serving[runner] == 0, "INV-5: a runner in use is closed"

    def _memory(self, now_ns: int) -> None:
        if self.host is None:
            return
        machine = self.host.machine
        for gpu, held in zip(machine.hardware.gpus, machine.held_bytes(now_ns), strict=True):
            assert 0 <= held <= gpu.free_at_start_bytes, "INV-4: GPU memory out of bounds"
        scheduler = self.host.scheduler
        limit = scheduler.profile.max_loaded(machine.hardware.specs, scheduler.settings)
        assert len(self.host.ps()) <= limit, "INV-10: too many models"
        assert scheduler.queued <= max(scheduler.settings.max_queue, 0) + 1, "INV-11: the queue is too long"
        blobs = [process.key for process in machine.processes]
        assert len(blobs) == len(set(blobs)), "INV-12: two processes of one blob"


def watched(scenario: Scenario) -> tuple[Play, dict[str, Any]]:
    """Play a scenario under watch."""
    watches: list[Watch] = []

    def make(recorder: Recorder) -> Watch:
        watches.append(Watch(recorder))
        return watches[0]

    run = Play(scenario, witness=make)
    watches[0].host = run.host
    return run, run.run()


# The invariants --------------------------------------------------------------------------------------------------


@many
@given(scenarios())
def test_inv1_every_request_ends_at_most_once_and_none_is_lost(scenario: Scenario) -> None:
    """INV-1. Arrived = served + rejected + failed + unanswered; nobody is served, rejected or failed twice."""
    _, outcome = watched(scenario)
    ends = Counter(
        event["request"]
        for event in outcome["events"]
        if event["event"] in {"request_served", "request_rejected", "request_failed"}
    )
    assert all(count == 1 for count in ends.values())
    called = {event["request"] for event in outcome["events"] if event["event"] == "unload_requested"}
    arrived = {event["request"] for event in outcome["events"] if event["event"] == "request_arrived"}
    unanswered = set(outcome["final"]["unanswered"])
    assert not unanswered & ends.keys()
    waiting_calls = arrived - called - ends.keys() - unanswered
    assert not any(request.kind == "chat" for request in scenario.requests if request.id in waiting_calls)


@many
@given(scenarios())
def test_inv2_to_inv12_hold_at_every_event(scenario: Scenario) -> None:
    """INV-2 to INV-6 and INV-8 to INV-12 are asserted while the scenario runs."""
    watched(scenario)


@many
@given(scenarios())
def test_inv7_same_input_same_bytes(scenario: Scenario) -> None:
    """INV-7. Playing twice gives the same bytes, watched or not."""
    first = json.dumps(Play(scenario).run())
    assert first == json.dumps(Play(scenario).run())
    assert first == json.dumps(watched(scenario)[1])


@many
@given(scenarios())
def test_inv13_each_started_load_had_room_or_was_not_checked(scenario: Scenario) -> None:
    """INV-13. A fit check that fails starts nothing: its request's next step is an eviction."""
    _, outcome = watched(scenario)
    for event in outcome["events"]:
        if event["event"] == "fit_check":
            assert event["fits"] == (event["predicted"] + event["surcharge"] <= event["limit"])
            started = [
                other
                for other in outcome["events"]
                if other["event"] == "load_start"
                and other["request"] == event["request"]
                and other["t_ns"] == event["t_ns"]
            ]
            checks = [
                other["fits"]
                for other in outcome["events"]
                if other["event"] == "fit_check"
                and other["request"] == event["request"]
                and other["t_ns"] == event["t_ns"]
            ]
            if not any(checks):
                assert all(not other["require_full"] for other in started)


@many
@given(scenarios())
def test_inv14_when_nothing_is_left_to_happen_only_wanted_runners_remain(scenario: Scenario) -> None:
    """INV-14. At rest every loaded runner is idle and kept for ever, unless the completion side is stuck or blocked."""
    run, _ = watched(scenario)
    run.host.run()
    _, completion = run.host.scheduler.states
    if completion in {STUCK, SIGNALLING}:
        assert run.host.scheduler.settings.max_queue <= len(scenario.models)
        return
    assert completion == IDLE
    for entry in run.host.ps():
        assert entry.ref_count == 0
        assert entry.session_ns == FOREVER_NS
        assert entry.timer_armed
    assert set(run.host.machine.processes) == {entry.runner for entry in run.host.ps()}
