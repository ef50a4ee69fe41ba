"""Durations that carry an order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.cache.steering.ladder import Ladder
from toolkit.cache.steering.ordered import Ordered

BASE_NS = 1_800_000_000_000


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=60))
def test_the_rungs_of_any_order_are_in_order_and_never_below_the_base(moves: list[tuple[int, int]]) -> None:
    """Any model may move to any place; only its own rung changes."""
    ladder, order = Ladder(BASE_NS, BASE_NS), [str(number) for number in range(6)]
    for name in order:
        ladder.place(name, order)
    for number, place in moves:
        name = str(number)
        order.remove(name)
        order.insert(place, name)
        before = {other: ladder.rung_ns(other) for other in order if other != name}
        ladder.place(name, order)
        assert before == {other: ladder.rung_ns(other) for other in before}
        rungs = [ladder.rung_ns(other) or 0 for other in order]
        assert min(rungs) >= BASE_NS
        if not ladder.ties:
            assert rungs == sorted(rungs)
            assert len(set(rungs)) == len(rungs)


def test_a_place_that_has_not_changed_keeps_its_rung() -> None:
    ladder = Ladder(BASE_NS, BASE_NS)
    low, high = ladder.place("a", ["a"]), ladder.place("b", ["a", "b"])
    assert BASE_NS <= low < high
    assert (ladder.place("a", ["a", "b"]), ladder.place("b", ["a", "b"])) == (low, high)
    assert ladder.place("a", ["b", "a"]) > high
    ladder.forget("b")
    assert ladder.rung_ns("b") is None


def test_a_gap_without_a_whole_nanosecond_is_counted_as_a_tie_and_mended_by_the_next_move_up() -> None:
    ladder = Ladder(BASE_NS, 1)  # steps of 1 ns
    order = ["a", "b"]
    for name in order:
        ladder.place(name, order)
    assert ladder.place("c", ["a", "c", "b"]) == ladder.rung_ns("a")
    assert ladder.ties == 1
    assert ladder.place("a", ["c", "b", "a"]) > (ladder.rung_ns("b") or 0)


@pytest.mark.parametrize("spec", ["lru", "lfu", "lfu(half-life=20)", "lru-k", "lrfu(decay=0.1)", "gdsf", "landlord"])
def test_a_policys_order_is_carried_through_a_long_stream_without_a_tie(spec: str) -> None:
    """Skewed traffic on 4 of 30 models: every access is followed by durations in the policy's order."""
    draw = random.Random(spec)
    models = [Item(f"m{number}", 1 + number % 7, 1 + number % 5) for number in range(30)]
    weights = [1 / (1 + number) for number in range(30)]
    policy = build_policy(parse_spec(spec), Surroundings(4))
    assert isinstance(policy, Ordered)
    ladder, resident = Ladder(BASE_NS, BASE_NS), set[str]()
    for position, item in enumerate(draw.choices(models, weights, k=20_000)):
        if item.name in resident:
            policy.hit(item, position, position)
        else:
            policy.missed(item, position, position)
            if len(resident) == 4:
                victim = policy.victim(item, ())
                resident.discard(victim or "")
            policy.loaded(item, position, position)
            resident.add(item.name)
            ladder.keep(resident)
            ladder.forget(item.name)
        ladder.place(item.name, policy.resident)
        rungs = [ladder.rung_ns(name) or 0 for name in policy.resident]
        assert rungs == sorted(rungs)
    assert ladder.ties == 0
    assert BASE_NS <= rungs[0] < rungs[-1] < BASE_NS + 10_000_000_000
