"""Rooms of which nothing is known but what they answer: every way of searching them against trying everything."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.cache.offline_family import Admission, Admitted, family_of, sizes
from toolkit.cache.offline_rooms import saving_in
from toolkit.cache.offline_search import Saved, best_saving
from toolkit.cache.offline_sets import exact_saving
from toolkit.cache.offline_stays import Limits, bits, stays_of
from toolkit.cache.room import SizedRoom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.cache.strategy import Room

MODELS = "abcde"
SEQUENCES = st.lists(st.sampled_from(MODELS), max_size=14)
WORTH = st.fixed_dictionaries(dict.fromkeys(MODELS, st.integers(1, 20)))


@dataclass(frozen=True)
class ArbitraryRoom:
    """Any relation at all: not monotone, and the order of loads matters."""

    allowed: frozenset[tuple[str, frozenset[str]]]

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        return (wanted, resident) in self.allowed


@dataclass(frozen=True)
class PartsRoom:
    """Beside a part of the residents there is room for whoever has room beside all; the order of loads matters."""

    allowed: frozenset[tuple[str, frozenset[str]]]

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        return any(wanted == model and resident <= others for model, others in self.allowed)


@dataclass(frozen=True)
class MarginRoom:
    """As on a real server: the newcomer needs a margin that residents do not, so the order of loads matters."""

    size_bytes: Mapping[str, int]
    capacity_bytes: int
    tenths: int = 8

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        free = self.capacity_bytes - sum(self.size_bytes[model] for model in resident)
        return 10 * self.size_bytes[wanted] <= self.tenths * free


SIZES = st.fixed_dictionaries(dict.fromkeys(MODELS, st.integers(1, 12)))
LOADS = st.frozensets(
    st.tuples(st.sampled_from(MODELS), st.frozensets(st.sampled_from(MODELS), min_size=1, max_size=3)), max_size=60
)
ROOMS = (
    LOADS.map(PartsRoom)
    | st.builds(MarginRoom, SIZES, st.integers(1, 50), st.integers(3, 10))
    | st.builds(SizedRoom, SIZES, st.integers(1, 40), st.none() | st.integers(1, 4))
)


def by_trying_everything(requests: Sequence[str], room: Room, worth: Mapping[str, int]) -> int:
    @cache
    def best(now: int, resident: frozenset[str]) -> int:
        if now == len(requests):
            return 0
        model = requests[now]
        if model in resident:
            return worth[model] + best(now + 1, resident)
        parts = (frozenset(part) for size in range(len(resident) + 1) for part in combinations(sorted(resident), size))
        return max(best(now + 1, part | {model}) for part in parts if not part or room.fits(model, part))

    return best(0, frozenset())


def searched(requests: Sequence[str], room: Room, worth: Mapping[str, int]) -> Saved:
    """By stays, load by load, with all of the room's sets known: what more than a dozen models are searched with."""
    models = tuple(dict.fromkeys(requests))
    admission = Admission(models, room)
    family = family_of(len(models), admission, len(models), work=10**9)
    assert family is not None
    stays = stays_of(requests, sizes(family, models, dict.fromkeys(models, 1)), worth)
    return best_saving(stays, keeping=Admitted(admission, family))


@given(SEQUENCES.filter(len), ROOMS, WORTH)
@settings(max_examples=300)
def test_every_search_finds_the_most_in_any_room(requests: list[str], room: Room, worth: dict[str, int]) -> None:
    best = by_trying_everything(requests, room, worth)
    assert exact_saving(requests, room, worth) == best
    assert searched(requests, room, worth) == Saved(best, best)
    assert saving_in(requests, room, worth, effort=10**6) == Saved(best, best)


@given(SEQUENCES.filter(len), LOADS.map(ArbitraryRoom), WORTH)
@settings(max_examples=100)
def test_a_few_models_are_exact_even_where_residents_make_room(
    requests: list[str], room: Room, worth: dict[str, int]
) -> None:
    assert exact_saving(requests, room, worth) == by_trying_everything(requests, room, worth)


@given(SEQUENCES.filter(len), ROOMS, WORTH)
@settings(max_examples=150)
def test_both_ends_hold_where_the_sets_are_not_known(requests: list[str], room: Room, worth: dict[str, int]) -> None:
    """`room` has no say in how many it holds, so the bound is that of room for all; sizes give a tighter one."""
    best = by_trying_everything(requests, room, worth)
    models = tuple(dict.fromkeys(requests))
    hasty = best_saving(
        stays_of(requests, sizes_of(room, models), worth),
        widths=(2,),
        keeping=Admitted(Admission(models, room), None),
    )
    assert hasty.reached <= best <= hasty.most


def sizes_of(room: Room, models: tuple[str, ...]) -> Limits:
    family = family_of(len(models), Admission(models, room), len(models))
    assert family is not None
    return sizes(family, models, dict.fromkeys(models, 1))


@given(ROOMS)
@settings(max_examples=150)
def test_sizes_let_every_set_in_that_loads_can_come_to(room: Room) -> None:
    models = tuple(MODELS)
    family = family_of(len(models), Admission(models, room), len(models))
    assert family is not None
    limits = sizes(family, models, dict.fromkeys(models, 1))
    rng = random.Random(1)
    resident: frozenset[str] = frozenset()
    for wanted in rng.choices(models, k=60):
        if wanted in resident:
            continue
        while resident and not room.fits(wanted, resident):
            resident -= {rng.choice(sorted(resident))}
        resident |= {wanted}
        mask = sum(1 << models.index(name) for name in resident)
        assert mask in family.allowed
        assert len(bits(mask)) <= family.most
        assert sum(limits.sizes[name] for name in resident) <= limits.capacity


@pytest.mark.parametrize("objective", ["hits", "load time"])
def test_twenty_models_where_the_order_of_loads_matters_agree_with_the_search_set_by_set(objective: str) -> None:
    rng = random.Random(2)
    names = [f"m{rank}" for rank in range(20)]
    requests = rng.choices(names, [1 / (rank + 1) for rank in range(20)], k=300)
    room = MarginRoom({name: rng.randint(2, 20) for name in names}, 26)
    worth = {name: 1 if objective == "hits" else room.size_bytes[name] + 3 for name in names}
    best = exact_saving(requests, room, worth)
    assert saving_in(requests, room, worth, effort=10**6, work=10**9) == Saved(best or 0, best or 0)


def test_where_a_room_has_too_many_sets_to_be_known_it_is_bounded_by_how_many_it_holds() -> None:
    rng = random.Random(3)
    names = [f"m{rank}" for rank in range(14)]
    requests = rng.choices(names, k=120)
    room = SizedRoom({name: rng.randint(2, 9) for name in names}, 20)
    worth = dict.fromkeys(names, 1)
    known, hasty = (saving_in(requests, room, worth, effort=10**6, work=work) for work in (10**9, 10))
    assert known.reached == known.most
    assert hasty.reached <= known.reached <= known.most < hasty.most
