"""Each policy against itself written down naively: the same victims, request for request, on random streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.registry import POLICIES, build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.lab.cache import Capacity, Use, play

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES = "abcdefg"
STREAMS = st.lists(st.sampled_from(NAMES), max_size=60)
Rank = tuple[float, int]


def answers(policy: str, names: Sequence[str], items: dict[str, Item], capacity: int) -> list[bool]:
    """Which requests hit."""
    told: list[bool] = []
    uses = [Use(name, at) for at, name in enumerate(names)]
    made = build_policy(parse_spec(policy), Surroundings(capacity))
    play(uses, items, made, Capacity(capacity), on_answer=told.append)
    return told


def plain(names: Sequence[str], items: dict[str, Item], capacity: int, worth: Callable[..., float]) -> list[bool]:
    """Evict the least (worth, last use); `worth(history of uses, uses since load, clock, item)`, clock as in GDSF."""
    told: list[bool] = []
    ranks: dict[str, Rank] = {}
    history: dict[str, list[int]] = {}
    since_load: dict[str, int] = {}
    clock = 0.0
    for at, name in enumerate(names):
        told.append(name in ranks)
        if name not in ranks:
            while ranks and sum(items[other].size_bytes for other in (*ranks, name)) > capacity:
                victim = min(ranks, key=lambda other: ranks[other])
                clock = ranks.pop(victim)[0]
            since_load[name] = 0
        since_load[name] += 1
        history.setdefault(name, []).append(at)
        ranks[name] = (worth(history[name], since_load[name], clock, items[name]), at)
    return told


def items_of(sizes: Sequence[int], costs: Sequence[int]) -> dict[str, Item]:
    return {name: Item(name, size, cost) for name, size, cost in zip(NAMES, sizes, costs, strict=True)}


ITEMS = st.builds(
    items_of,
    st.lists(st.integers(1, 4), min_size=len(NAMES), max_size=len(NAMES)),
    st.lists(st.integers(1, 9), min_size=len(NAMES), max_size=len(NAMES)),
)


@pytest.mark.parametrize(
    ("policy", "worth"),
    [
        ("lru", lambda history, _uses, _clock, _item: history[-1]),
        ("lfu", lambda _history, uses, _clock, _item: uses),
        ("lru-k", lambda history, _uses, _clock, _item: history[-2] if len(history) > 1 else -1),
        ("lru-k(k=3)", lambda history, _uses, _clock, _item: history[-3] if len(history) > 2 else -1),
        ("gdsf", lambda _history, uses, clock, item: clock + uses * 1e6 * item.load_ns / item.size_bytes),
        ("gdsf(cost=one)", lambda _history, uses, clock, item: clock + uses * 1e6 / item.size_bytes),
        ("landlord", lambda _history, _uses, clock, item: clock + 1e6 * item.load_ns / item.size_bytes),
    ],
)
@given(names=STREAMS, items=ITEMS, capacity=st.integers(1, 12))
def test_ranked_policies_do_what_their_formula_says(
    policy: str, worth: Callable[..., float], names: list[str], items: dict[str, Item], capacity: int
) -> None:
    assert answers(policy, names, items, capacity) == plain(names, items, capacity, worth)


@given(names=STREAMS, items=ITEMS, capacity=st.integers(1, 12))
def test_decay_one_is_lru(names: list[str], items: dict[str, Item], capacity: int) -> None:
    """LRFU's end: with lambda 1 the newest use outweighs all older ones together."""
    assert answers("lrfu(decay=1)", names, items, capacity) == answers("lru", names, items, capacity)


@pytest.mark.parametrize("policy", [entry.name for entry in POLICIES])
@given(names=STREAMS, items=ITEMS, capacity=st.integers(1, 12))
def test_inv_lab(policy: str, names: list[str], items: dict[str, Item], capacity: int) -> None:
    """Nothing is lost: every request is a hit or a load, and the same stream gives the same tally."""
    uses = [Use(name, at * 10**9) for at, name in enumerate(names)]
    first, second = (
        play(uses, items, build_policy(parse_spec(policy), Surroundings(capacity)), Capacity(capacity, 3))
        for _ in range(2)
    )
    assert first == second
    assert first.requests == len(names) == first.hits + first.loads
    left = first.loads + first.prefetches - first.evictions - first.expiries
    assert 0 <= left <= 3


@pytest.mark.parametrize("policy", [entry.name for entry in POLICIES])
@given(names=STREAMS, data=st.data())
def test_busy_models_stay(policy: str, names: list[str], data: st.DataObject) -> None:
    """Whoever is busy is never the victim; if all are, nobody is; a victim is resident, and leaves once."""
    items = {name: Item(name, 1, 1) for name in NAMES}
    made = build_policy(parse_spec(policy), Surroundings(4))
    resident: set[str] = set()
    for at, name in enumerate(names):
        if name in resident:
            made.hit(items[name], at, at)
            continue
        made.missed(items[name], at, at)
        if len(resident) >= 3:
            busy = data.draw(st.sets(st.sampled_from(sorted(resident))))
            victim = made.victim(items[name], busy)
            assert (victim is None) == (busy == resident)
            if victim is None:
                victim = min(resident)
                made.gone(victim)
            else:
                assert victim in resident - busy
            resident.remove(victim)
        made.loaded(items[name], at, at)
        resident.add(name)
