"""Closed loops, ramps and impatient people: the same requests under another load."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.workload.plan import Plan, PlannedRequest
from toolkit.workload.shape import closed_loop, conversations, impatient, ramped
from toolkit.workload.shorten import between, only_models

S = 1_000_000_000


def request(name: str, at_s: float | None = None, after: str | None = None, model: str = "m") -> PlannedRequest:
    return PlannedRequest(
        id=name, at_ns=None if at_s is None else round(at_s * S), after=after, think_ns=0 if after is None else S,
        text="", system=None, prompt_tokens=5, shared_prefix_tokens=0, output_tokens=5, model=model, label=None,
        session=None,
    )  # fmt: skip


def plan(*requests: PlannedRequest, duration_s: float = 10) -> Plan:
    return Plan("p", "", requests, round(duration_s * S), 1, (), "here", "", ())


TALK = plan(request("a", 1), request("b", 2), request("a2", after="a"), request("c", 3), request("a3", after="a2"))


def test_conversations_are_told_by_who_began_them() -> None:
    assert [[one.id for one in talk] for talk in conversations(TALK)] == [["a", "a2", "a3"], ["b"], ["c"]]


def test_a_closed_loop_deals_out_whole_conversations() -> None:
    closed = closed_loop(TALK, users=2, think_ns=5 * S, ramp_ns=4 * S)
    told = {one.id: (one.at_ns, one.after, one.think_ns) for one in closed.requests}
    assert told == {
        "a": (0, None, 0),
        "a2": (None, "a", S),
        "a3": (None, "a2", S),
        "b": (2 * S, None, 0),
        "c": (None, "a3", 5 * S),
    }
    assert closed.duration_ns == 7 * S


@given(st.integers(1, 9), st.integers(1, 40))
def test_every_request_of_a_closed_loop_has_one_moment_or_one_before_it(users: int, count: int) -> None:
    closed = closed_loop(plan(*(request(str(number), number) for number in range(count))), users, S)
    assert sorted(one.id for one in closed.requests) == sorted(str(number) for number in range(count))
    assert sum(one.at_ns is not None for one in closed.requests) == min(users, count)
    assert all((one.at_ns is None) != (one.after is None) for one in closed.requests)
    leaders = [one.after for one in closed.requests if one.after is not None]
    assert len(leaders) == len(set(leaders))


def test_a_ramp_is_the_integral_of_a_rising_rate() -> None:
    """At 10 a second, ramped over 8 s: after t seconds of the ramp 10 · t² / 16 have come, afterwards 10 a second."""
    arrivals = ramped(plan(*(request(str(number), number / 10) for number in range(100))), 8 * S)
    moments = [(one.at_ns or 0) / S for one in arrivals.requests]
    assert moments == sorted(moments)
    for until_s in (2, 4, 6, 8):
        assert sum(moment < until_s for moment in moments) == pytest.approx(10 * until_s**2 / 16, abs=1)
    assert sum(8 <= moment < 10 for moment in moments) == pytest.approx(20, abs=1)
    assert arrivals.duration_ns == 14 * S


def test_patience_is_drawn_by_the_seed_and_what_the_plan_says_stays() -> None:
    given_one = replace(request("x", 0), patience_ns=7)
    many = plan(given_one, *(request(str(number), 0) for number in range(4000)))
    drawn = [one.patience_ns or 0 for one in impatient(many, 20 * S).requests]
    assert drawn[0] == 7
    assert sum(drawn[1:]) / 4000 == pytest.approx(20 * S, rel=0.05)
    assert drawn == [one.patience_ns for one in impatient(many, 20 * S).requests]
    assert drawn != [one.patience_ns for one in impatient(replace(many, seed=2), 20 * S).requests]


def test_a_part_of_a_plan_begins_at_zero_and_keeps_conversations_whole() -> None:
    part = between(TALK, 2 * S, 3 * S)
    assert [(one.id, one.at_ns) for one in part.requests] == [("b", 0)]
    assert part.duration_ns == S
    whole = between(TALK, 0, 2 * S)
    assert [one.id for one in whole.requests] == ["a", "a2", "a3"]
    with pytest.raises(UsageError, match="nothing begins between"):
        between(TALK, 50 * S, None)


def test_only_some_models() -> None:
    mixed = plan(request("a", 1, model="x"), request("b", 2, model="y"), request("b2", after="b", model="x"))
    kept = only_models(mixed, {"x"}, lambda one: one.model or "")
    assert [one.id for one in kept.requests] == ["a"]
    with pytest.raises(UsageError, match="no request goes to z"):
        only_models(mixed, {"z"}, lambda one: one.model or "")


@pytest.mark.parametrize(("users", "think_ns"), [(0, 0), (1, -1)])
def test_an_impossible_closed_loop_is_refused(users: int, think_ns: int) -> None:
    with pytest.raises(UsageError, match="closed loop"):
        closed_loop(TALK, users, think_ns)


def test_a_patience_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--patience"):
        impatient(TALK, 0)
