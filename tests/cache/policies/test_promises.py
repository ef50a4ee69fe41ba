"""The least of many moving values, and next-use that stands on it: what a look at everybody would find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.next_use import NextUse
from toolkit.cache.policies.promises import Promise, Promises

if TYPE_CHECKING:
    from collections.abc import Container

NAMES = [f"m{number}" for number in range(30)]
ITEMS = {name: Item(name, 1, 1) for name in NAMES}


@dataclass
class Lines:
    """Each value moves in a straight line, and promises what it is worth in so many moments.

    A line may be bent at any time, if its promise is called broken.
    """

    lines: dict[str, tuple[int, int]]
    span: int
    now: int = 0
    bent: set[str] = field(default_factory=set)
    asked: int = field(default=0)

    def value(self, name: str) -> tuple[float, int]:
        self.asked += 1
        return self.at(name, self.now), NAMES.index(name)

    def broken(self) -> set[str]:
        told, self.bent = self.bent, set()
        return told

    def promise(self, name: str) -> Promise:
        return Promise(min(self.at(name, self.now), self.at(name, self.now + self.span)), self.now + self.span)

    def at(self, name: str, moment: int) -> float:
        start, step = self.lines[name]
        return float(start + step * moment)


LINES = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(-50, 50), st.integers(-3, 3)), min_size=1)


@given(lines=LINES, span=st.integers(0, 9), few=st.integers(0, 3), data=st.data())
def test_the_least_is_what_a_look_at_everybody_finds(
    lines: dict[str, tuple[int, int]], span: int, few: int, data: st.DataObject
) -> None:
    """Names come, change their line and go; some are busy; moments pass."""
    moving, made, held = Lines(dict(lines), span), Promises(few), set(lines)
    for name in held:
        made.put(name)
    for _ in range(12):
        moving.now += data.draw(st.integers(0, 5))
        changed = data.draw(st.sampled_from(NAMES))
        if data.draw(st.booleans()):
            made.drop(changed)
            held.discard(changed)
        else:
            moving.lines[changed] = data.draw(st.tuples(st.integers(-50, 50), st.integers(-3, 3)))
            if data.draw(st.booleans()):
                made.put(changed)
                held.add(changed)
            else:
                moving.bent.add(changed)
        busy = data.draw(st.sets(st.sampled_from(NAMES), max_size=3))
        expected = min(((moving.value(name), name) for name in held - busy), default=None)
        assert made.take_least(moving.now, busy, moving) == expected
        if expected is not None:
            held.remove(expected[1])


def test_few_are_looked_at() -> None:
    """A hundred rounds over thirty values that stand still: one look each, at the least and the next above it."""
    moving, made = Lines({name: (at, 0) for at, name in enumerate(NAMES)}, span=1000), Promises()
    for name in NAMES:
        made.put(name)
    for moving.now in range(20):
        least = made.take_least(moving.now, (), moving)
        assert least is not None
        assert least.name == NAMES[moving.now]
    assert moving.asked <= 2 * 20 + 8


class Watched(NextUse):
    """Holds each victim against a look at all residents, and every promise against the truth."""

    def __init__(self, horizon: int) -> None:
        super().__init__(horizon)
        self.here: set[str] = set()
        self.promised: dict[str, Promise] = {}

    def promise(self, name: str) -> Promise:
        self.promised[name] = made = super().promise(name)
        return made

    def broken(self) -> list[str]:
        told = list(super().broken())
        for name in told:
            self.promised.pop(name, None)
        for name, (lower, until) in self.promised.items():
            assert until < self._now or self.likelihood(name) >= lower
        return told

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        expected = min((name for name in self.here if name not in busy), key=self.value, default=None)
        found = super().victim(wanted, busy)
        assert found == expected
        return found


@pytest.mark.parametrize("horizon", [1, 12, 50])
@settings(max_examples=30)
@given(
    stream=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 6)), max_size=50),
    places=st.integers(9, 20),
    data=st.data(),
)
def test_next_use_chooses_as_if_it_looked_at_everybody(
    horizon: int, stream: list[tuple[str, int]], places: int, data: st.DataObject
) -> None:
    """More residents than are looked at one by one, in short rounds and after long pauses; whole rounds come first."""
    policy, position = Watched(horizon), -1
    names = NAMES * 2 + [name for name, _ in stream] + NAMES
    pauses = [1] * 60 + [pause for _, pause in stream] + [1] * 30
    for name, pause in zip(names, pauses, strict=True):
        for _ in range(pause):  # the same model again: for all others this is idle time
            position += 1
            policy.promised.pop(name, None)
            if name in policy.here:
                policy.hit(ITEMS[name], position, position)
                continue
            policy.missed(ITEMS[name], position, position)
            if len(policy.here) >= places:
                busy = data.draw(st.sets(st.sampled_from(sorted(policy.here)), max_size=4)) if pause > 4 else ()
                victim = policy.victim(ITEMS[name], busy)
                assert victim is not None
                policy.here.remove(victim)
            policy.loaded(ITEMS[name], position, position)
            policy.here.add(name)
