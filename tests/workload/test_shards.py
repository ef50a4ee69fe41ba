"""A plan dealt out to processes: nothing is lost, nothing is torn apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.workload.plan import Plan, PlannedRequest
from toolkit.workload.shards import shards


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    requests: list[PlannedRequest] = []
    for number in range(draw(st.integers(0, 30))):
        leader = draw(st.none() | st.sampled_from(requests)) if requests else None
        session = leader.session if leader is not None else draw(st.none() | st.sampled_from("xyz"))
        requests.append(
            PlannedRequest(
                id=str(number), at_ns=number if leader is None else None, after=None if leader is None else leader.id,
                think_ns=0, text="", system=None, prompt_tokens=1, shared_prefix_tokens=0, output_tokens=1, model="m",
                label=None, session=session,
            )
        )  # fmt: skip
    return Plan("p", "", tuple(requests), 9, 1, (), "here", "", ())


@given(plans(), st.integers(1, 5))
def test_shards_are_the_plan_in_its_order_with_sessions_and_conversations_whole(plan: Plan, count: int) -> None:
    parts = shards(plan, count)
    assert len(parts) == count
    place = {request.id: number for number, part in enumerate(parts) for request in part.requests}
    order = {request.id: number for number, request in enumerate(plan.requests)}
    assert place.keys() == order.keys()
    for part in parts:
        numbers = [order[request.id] for request in part.requests]
        assert numbers == sorted(numbers)
    for request in plan.requests:
        if request.after is not None:
            assert place[request.after] == place[request.id]
    for session in "xyz":
        assert len({place[request.id] for request in plan.requests if request.session == session}) <= 1


def test_neighbours_in_time_go_to_different_processes() -> None:
    requests = tuple(
        PlannedRequest(
            id=str(number), at_ns=number, after=None, think_ns=0, text="", system=None, prompt_tokens=1,
            shared_prefix_tokens=0, output_tokens=1, model="m", label=None, session=None,
        )
        for number in range(6)
    )  # fmt: skip
    first, second = shards(Plan("p", "", requests, 9, 1, (), "here", "", ()), 2)
    assert [request.id for request in first.requests] == ["0", "2", "4"]
    assert [request.id for request in second.requests] == ["1", "3", "5"]
