"""Policies on top of another: classes and pins, prefetching, expiry; and what next-use expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.keep_alive import KeepAlive
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.markov import Markov
from toolkit.cache.policies.next_use import NextUse
from toolkit.cache.policies.priority import PINNED, Classes
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.errors import UsageError
from toolkit.lab.cache import Capacity, Use, play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.cache.policies.base import Policy

NAMES = "abcdef"
ITEMS = {name: Item(name, 1, 1) for name in NAMES}
STREAMS = st.lists(st.sampled_from(NAMES), max_size=60)


def played(policy: Policy, names: Sequence[str], slots: int) -> list[bool]:
    """Which requests hit, one a second."""
    told: list[bool] = []
    uses = [Use(name, at * 10**9) for at, name in enumerate(names)]
    play(uses, ITEMS, policy, Capacity(slots), on_answer=told.append)
    return told


@given(STREAMS, st.dictionaries(st.sampled_from(NAMES), st.sampled_from([-1, 0, 1, 2, PINNED])), st.data())
def test_lower_classes_leave_first_and_pinned_models_never(
    names: list[str], classes: dict[str, int], data: st.DataObject
) -> None:
    policy = Classes(Lru(), classes)
    resident: list[str] = []  # least recently used first
    for at, name in enumerate(names):
        if name in resident:
            resident.remove(name)
            policy.hit(ITEMS[name], at, at)
        else:
            policy.missed(ITEMS[name], at, at)
            if len(resident) >= 3:
                busy = data.draw(st.sets(st.sampled_from(resident)))
                may = [other for other in resident if other not in busy and classes.get(other, 0) != PINNED]
                expected = min(may, key=lambda other: classes.get(other, 0), default=None)  # min keeps LRU among equals
                assert policy.victim(ITEMS[name], busy) == expected
                if expected is None:
                    policy.gone(expected := resident[0])
                resident.remove(expected)
            policy.loaded(ITEMS[name], at, at)
        resident.append(name)


def test_one_class_is_the_policy_beneath() -> None:
    stream = "abcabdbeacdbbafedcab"
    assert played(Classes(Lru(), {}), stream, 3) == played(Lru(), stream, 3)


def test_classes_are_written_down() -> None:
    around = Surroundings(3, names=frozenset("abcd"))
    made = build_policy(parse_spec("classes(evict=lru, first=a+b, last=c, pin=d)"), around)
    stream = "abcdbadcabdacbdab"
    assert played(made, stream, 3) == played(Classes(Lru(), {"a": -1, "b": -1, "c": 1, "d": PINNED}), stream, 3)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("classes(pin=e)", "no model e here; there are a, b, c, d"),
        ("classes(pin=a, last=a)", "a stands in it twice"),
        ("classes(evict=markov)", "only chooses who leaves"),
        ("classes(evict=ttl)", "only chooses who leaves"),
    ],
)
def test_classes_that_cannot_be_are_refused(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build_policy(parse_spec(spec), Surroundings(3, names=frozenset("abcd")))


@given(STREAMS, st.integers(1, 5))
def test_without_confidence_nothing_is_prefetched(names: list[str], slots: int) -> None:
    """A model that follows every time is still not certain enough for a confidence above 1."""
    assert played(Markov(Lru(), confidence=1.1), names, slots) == played(Lru(), names, slots)


def test_a_regular_change_is_foreseen() -> None:
    """In a round of three with two places LRU never hits; who knows what follows has it there."""
    told = played(Markov(Lru()), "abc" * 20, 2)
    assert not any(told[:9])
    assert all(told[20:])


def test_nothing_is_loaded_in_place_of_the_model_just_used() -> None:
    tally = play([Use(name, 0) for name in "abc" * 20], ITEMS, Markov(Lru()), Capacity(1))
    assert (tally.hits, tally.prefetches, tally.loads) == (0, 0, 60)


@given(STREAMS, st.integers(1, 8))
def test_models_are_gone_exactly_when_their_time_is_up(names: list[str], seconds: int) -> None:
    """With room for all, a request hits if and only if its model's last use is less than the duration ago."""
    last: dict[str, int] = {}
    expected = []
    for at, name in enumerate(names):
        expected.append(name in last and at - last[name] < seconds)
        last[name] = at
    assert played(KeepAlive(seconds * 10**9, Lru()), names, len(NAMES)) == expected


@pytest.mark.parametrize("busy", [True, False])
def test_a_busy_model_outlives_its_time(busy: bool) -> None:
    policy = KeepAlive(10, Lru())
    policy.loaded(ITEMS["a"], 0, 0)
    assert policy.expired(9, ()) == ()
    assert policy.expired(10, {"a"} if busy else ()) == (() if busy else ("a",))
    assert policy.expired(11, ()) == (("a",) if busy else ())


@given(STREAMS.filter(len), st.integers(1, 40))
def test_a_likelihood_is_a_probability_and_grows_with_the_horizon(names: list[str], horizon: int) -> None:
    near, far = NextUse(horizon), NextUse(2 * horizon)
    for at, name in enumerate(names):
        near.hit(ITEMS[name], at, at)
        far.hit(ITEMS[name], at, at)
    for name in set(names):
        assert 0.0 <= near.likelihood(name) <= far.likelihood(name) + 1e-12 <= 1.0 + 1e-9


def test_the_model_that_comes_regularly_is_kept_and_the_one_that_paused_is_not() -> None:
    """`a` comes every fourth request, `b` came in a burst and stopped: LRU would let `a` go."""
    policy = NextUse(horizon=4)
    stream = ("acde" * 30) + "bbbb" + "acde" * 3 + "acd"
    for at, name in enumerate(stream):
        policy.hit(ITEMS[name], at, at)
    for name in "ab":
        policy.loaded(ITEMS[name], len(stream), 0)
    assert policy.likelihood("a") > policy.likelihood("b")
    assert policy.victim(ITEMS["e"], ()) == "b"


def test_counts_stay_finite_on_long_streams() -> None:
    """A weight that grows with each gap is brought back before it overflows; the shares stay what they were."""
    policy = NextUse()
    for at in range(30_000):
        policy.hit(ITEMS["ab"[at % 2]], at, at)
    assert policy.likelihood("a") == pytest.approx(1.0)
