"""Shorter plans are the same plans, shorter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.workload.plan import Plan, PlannedRequest
from toolkit.workload.shorten import first_requests, sped_up, without_models

S = 1_000_000_000


def request(number: int, at_s: int | None, after: int | None = None) -> PlannedRequest:
    """Request `number`, at a time or after another one."""
    return PlannedRequest(
        id=f"r{number}", at_ns=None if at_s is None else at_s * S, after=None if after is None else f"r{after}",
        think_ns=6 * S if after is not None else 0, text="hello", system=None, prompt_tokens=5, shared_prefix_tokens=0,
        output_tokens=5, model=None, label=None, session=None,
    )  # fmt: skip


PLAN = Plan(
    "p", "", (request(1, 10), request(2, None, 1), request(3, 40), request(4, None, 9)), 60 * S, 1, (), "p", "0", ("a",)
)


def test_the_first_requests_keep_whole_conversations_only() -> None:
    cut = first_requests(PLAN, 4)
    assert cut is PLAN
    assert [one.id for one in first_requests(PLAN, 2).requests] == ["r1", "r2"]
    assert [one.id for one in first_requests(PLAN, 3).requests] == ["r1", "r2", "r3"]
    assert first_requests(PLAN, 3).duration_ns == 40 * S
    assert first_requests(PLAN, 1).notes == ("a", "Only the first 1 of 4 requests are played.")


def test_requests_for_some_models_are_left_out_and_so_are_the_turns_after_them() -> None:
    models = {"r1": "known:1b", "r2": "known:1b", "r3": "other:1b", "r4": "known:1b"}
    follow = replace(PLAN, requests=(request(1, 10), request(3, 40), request(4, None, 3), request(2, None, 1)))
    cut = without_models(follow, {"other:1b"}, lambda one: models[one.id])
    assert [one.id for one in cut.requests] == ["r1", "r2"]
    assert cut.notes == ("a", "Left out: 2 of 4 requests, for other:1b, not described here.")
    assert without_models(follow, {"third:1b"}, lambda one: models[one.id]) is follow
    with pytest.raises(UsageError, match="every request goes to a model that is not described: known:1b, other:1b"):
        without_models(follow, set(models.values()), lambda one: models[one.id])


def test_speed_divides_gaps_and_thoughts() -> None:
    fast = sped_up(PLAN, 2)
    assert [one.at_ns for one in fast.requests] == [5 * S, None, 20 * S, None]
    assert fast.requests[1].think_ns == 3 * S
    assert fast.duration_ns == 30 * S
    assert sped_up(PLAN, 1) is PLAN


@pytest.mark.parametrize("speed", [0, -1, math.nan, math.inf, 1e7])
def test_an_absurd_speed_is_refused(speed: float) -> None:
    with pytest.raises(UsageError, match="--speed"):
        sped_up(PLAN, speed)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--limit"):
        first_requests(PLAN, 0)


@given(st.floats(1e-6, 1e6))
def test_order_is_kept_at_any_speed(speed: float) -> None:
    times = [one.at_ns for one in sped_up(PLAN, speed).requests if one.at_ns is not None]
    assert times == sorted(times)
