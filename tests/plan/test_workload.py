"""The same people, more or fewer of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.plan.workload import ScenarioLoad, TraceLoad
from toolkit.workload.scenario.schema import Scenario

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan

OPEN = Scenario.model_validate(
    {
        "name": "open", "duration": "1h", "arrivals": {"kind": "gamma", "rate": "60/h", "cv": 2.0},
        "prompts": [{"text": "one"}, {"turns": [{"text": "two"}, {"text": "three"}]}],
    }
)  # fmt: skip
CLOSED = Scenario.model_validate(
    {
        "name": "closed", "arrivals": {"kind": "closed", "users": 2, "prompts_per_user": 3, "think": "1m"},
        "prompts": [{"text": "one"}],
    }
)  # fmt: skip


def load_of(scenario: Scenario) -> ScenarioLoad:
    return ScenarioLoad(scenario, "here.yaml", "00", 5)


def openings(plan: Plan) -> list[int]:
    return [request.at_ns for request in plan.requests if request.at_ns is not None]


@settings(max_examples=25)  # each makes four plans
@given(st.floats(0.25, 8), st.integers(0, 3))
def test_another_load_is_the_same_arrivals_on_a_faster_clock(load: float, repetition: int) -> None:
    workload = load_of(OPEN)
    once, more = openings(workload.plan(1.0, repetition)), openings(workload.plan(load, repetition))
    assert workload.plan(load, repetition).duration_ns == workload.plan(1.0, repetition).duration_ns
    for slow_ns, quick_ns in zip(once, more, strict=False):
        assert abs(quick_ns * load - slow_ns) <= 2e-4 * slow_ns + 10


def test_pauses_within_conversations_do_not_shrink_with_the_load() -> None:
    pauses = {
        load: [one.think_ns for one in load_of(OPEN).plan(load, 0).requests if one.after][:5] for load in (1.0, 4.0)
    }
    assert pauses[1.0] == pauses[4.0]


def test_a_closed_loop_has_whole_users_and_never_none() -> None:
    workload = load_of(CLOSED)
    assert [workload.snapped(load) for load in (0.1, 0.6, 1.2, 1.3)] == [0.5, 0.5, 1.0, 1.5]
    assert len(workload.plan(1.5, 0).requests) == 9


def test_repetitions_differ_and_are_the_same_each_time() -> None:
    workload = load_of(OPEN)
    assert workload.plan(1.0, 0) == workload.plan(1.0, 0) != workload.plan(1.0, 1)


def test_a_trace_is_played_faster() -> None:
    plan = load_of(OPEN).plan(1.0, 0)
    trace = TraceLoad(plan)
    assert openings(trace.plan(2.0, 0)) == [at_ns // 2 for at_ns in openings(plan)]
    assert trace.plan(1.0, 2).seed == plan.seed + 2
    assert trace.digest != load_of(CLOSED).digest
