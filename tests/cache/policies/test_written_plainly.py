"""Policies that are quick by bookkeeping, against themselves written down without any: request for request the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.markov import Markov
from toolkit.cache.policies.s3fifo import S3Fifo

if TYPE_CHECKING:
    from collections.abc import Container

NAMES = "abcdefghij"
ITEMS = {name: Item(name, 1, 1) for name in NAMES}


class PlainMarkov:
    """Shrinks every count with each change, and looks at all of them."""

    def __init__(self) -> None:
        self.follows: dict[str, dict[str, float]] = {}
        self.current: str | None = None

    def saw(self, name: str) -> None:
        if self.current is not None and self.current != name:
            follows = self.follows.setdefault(self.current, {})
            for other in follows:
                follows[other] *= 0.99
            follows[name] = follows.get(name, 0.0) + 1
        self.current = name

    def wanted(self, confidence: float) -> str | None:
        follows = self.follows.get(self.current or "", {})
        if sum(follows.values()) < 4:
            return None
        count, name = max((count, name) for name, count in follows.items())
        return name if count >= confidence * sum(follows.values()) else None


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.5, 1.0])
@given(names=st.text(NAMES[:4], max_size=150))
def test_markov_wants_what_all_counts_say(confidence: float, names: str) -> None:
    policy, plain = Markov(Lru(), confidence), PlainMarkov()
    for at, name in enumerate(names):
        policy.missed(ITEMS[name], at, at)
        plain.saw(name)
        assert policy.wanted_next(()) == plain.wanted(confidence)


def test_markov_forgets_what_weighs_nothing_any_more_and_says_the_same() -> None:
    """Ten thousand changes from one model: weights are brought back twice, and whoever came once is not kept."""
    policy, plain = Markov(Lru()), PlainMarkov()
    follower = ["b" if at % 3 else "c" for at in range(5_000)] + ["d" if at % 3 else "b" for at in range(5_000)]
    for at, name in enumerate(name for second in ("j", *follower) for name in ("a", second)):
        policy.missed(ITEMS[name], at, at)
        plain.saw(name)
        assert policy.wanted_next(()) == plain.wanted(0.5)
    assert "j" in plain.follows["a"]
    assert set(policy._follows["a"]._counts) == {"b", "c", "d"}


class PlainS3Fifo:
    """Both queues walked in whole rounds, names with their uses; all of size 1."""

    def __init__(self, room: int) -> None:
        self.small: dict[str, int] = {}
        self.main: dict[str, int] = {}
        self.ghost: list[str] = []
        self.small_room, self.ghost_room = room // 10, room * 9 // 10
        self.main_room = room - self.small_room
        self.filled = self.remembered = False

    def hit(self, name: str) -> None:
        queue = self.small if name in self.small else self.main
        queue[name] += 1

    def missed(self, name: str) -> None:
        self.remembered = name in self.ghost
        if self.remembered:
            self.ghost.remove(name)

    def loaded(self, name: str) -> None:
        straight = self.remembered or (not self.filled and len(self.small) >= self.small_room)
        (self.main if straight else self.small)[name] = 0

    def victim(self, busy: Container[str]) -> str | None:
        self.filled = True
        main_first = len(self.main) > self.main_room or not self.small
        order = (self.from_main, self.from_small) if main_first else (self.from_small, self.from_main)
        for choose in order * 2:
            name = choose(busy)
            if name is not None:
                return name
        return None

    def from_small(self, busy: Container[str]) -> str | None:
        for name in [name for name in self.small if name not in busy]:
            if self.small.pop(name) < 2:
                self.ghost.append(name)
                del self.ghost[: max(0, len(self.ghost) - self.ghost_room)]
                return name
            self.main[name] = 0
        return None

    def from_main(self, busy: Container[str]) -> str | None:
        while may := [name for name in self.main if name not in busy]:
            for name in may:
                uses = self.main.pop(name)
                if not uses:
                    return name
                self.main[name] = min(uses, 3) - 1
        return None


@given(names=st.lists(st.sampled_from(NAMES), max_size=120), room=st.integers(2, 25), data=st.data())
def test_s3fifo_moves_everybody_as_whole_rounds_would(names: list[str], room: int, data: st.DataObject) -> None:
    policy, plain = S3Fifo(room), PlainS3Fifo(room)
    here: set[str] = set()
    for at, name in enumerate(names):
        if name in here:
            policy.hit(ITEMS[name], at, at)
            plain.hit(name)
            continue
        policy.missed(ITEMS[name], at, at)
        plain.missed(name)
        while len(here) >= min(room, 6):
            busy = data.draw(st.sets(st.sampled_from(NAMES), max_size=3))
            victim = policy.victim(ITEMS[name], busy)
            assert victim == plain.victim(busy)
            here -= {victim}
        policy.loaded(ITEMS[name], at, at)
        plain.loaded(name)
        here.add(name)
