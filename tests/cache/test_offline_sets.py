"""The exact optimum over sets, against trying everything."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.work import calls_of
from toolkit.cache.offline_sets import exact_hits
from toolkit.cache.offline_slots import min_hits
from toolkit.cache.room import SizedRoom, SlotRoom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.cache.strategy import Room

MODELS = "abcde"
SEQUENCES = st.lists(st.sampled_from(MODELS), max_size=14)


@dataclass(frozen=True)
class ArbitraryRoom:
    """Any relation at all: not monotone, and the order of loads matters."""

    allowed: frozenset[tuple[str, frozenset[str]]]

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        return (wanted, resident) in self.allowed


@dataclass(frozen=True)
class SurchargeRoom:
    """As on a real server: the newcomer needs a margin that residents do not, so the order of loads matters."""

    size_bytes: dict[str, int]
    capacity_bytes: int

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        free = self.capacity_bytes - sum(self.size_bytes[model] for model in resident)
        return 10 * self.size_bytes[wanted] <= 8 * free


def best_by_trying_everything(requests: Sequence[str], room: Room) -> int:
    @cache
    def best(now: int, resident: frozenset[str]) -> int:
        if now == len(requests):
            return 0
        model = requests[now]
        if model in resident:
            return 1 + best(now + 1, resident)
        parts = (frozenset(part) for size in range(len(resident) + 1) for part in combinations(sorted(resident), size))
        return max(best(now + 1, part | {model}) for part in parts if not part or room.fits(model, part))

    return best(0, frozenset())


ARBITRARY_ROOMS = st.frozensets(
    st.tuples(st.sampled_from(MODELS), st.frozensets(st.sampled_from(MODELS), min_size=1, max_size=3)), max_size=60
).map(ArbitraryRoom)
SIZES = st.fixed_dictionaries(dict.fromkeys(MODELS, st.integers(1, 12)))


@given(SEQUENCES, ARBITRARY_ROOMS)
@settings(max_examples=300)
def test_exact_in_any_room(requests: list[str], room: ArbitraryRoom) -> None:
    assert exact_hits(requests, room) == best_by_trying_everything(requests, room)


@given(SEQUENCES, SIZES, st.integers(1, 40), st.none() | st.integers(1, 4))
@settings(max_examples=200)
def test_exact_for_sizes_and_counts(
    requests: list[str], sizes: dict[str, int], capacity: int, max_models: int | None
) -> None:
    room = SizedRoom(sizes, capacity, max_models)
    assert exact_hits(requests, room) == best_by_trying_everything(requests, room)


@given(SEQUENCES, SIZES, st.integers(1, 50))
@settings(max_examples=200)
def test_exact_where_the_order_of_loads_matters(requests: list[str], sizes: dict[str, int], capacity: int) -> None:
    room = SurchargeRoom(sizes, capacity)
    assert exact_hits(requests, room) == best_by_trying_everything(requests, room)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=200), st.integers(1, 8))
def test_equal_slots_give_the_optimum_for_slots(requests: list[str], slots: int) -> None:
    assert exact_hits(requests, SlotRoom(slots)) == min_hits(requests, slots)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=100), st.integers(1, 60))
def test_no_set_is_larger_than_the_largest(requests: list[str], capacity: int) -> None:
    room = SizedRoom({name: 3 + index for index, name in enumerate("abcdefgh")}, capacity)
    assert exact_hits(requests, room) <= min_hits(requests, room.most_together("abcdefgh"))


def test_a_big_model_costs_both_small_ones() -> None:
    room = SizedRoom({"big": 20, "mid": 9, "small": 5}, 22)
    assert exact_hits(["mid", "small", "mid", "small", "big", "mid", "small"], room) == 2


@pytest.mark.parametrize("room", [SlotRoom(1), SizedRoom({}, 0)])
def test_nothing_asked_nothing_hit(room: Room) -> None:
    assert exact_hits([], room) == 0


@pytest.mark.parametrize(
    "room",
    [
        SlotRoom(4),
        SizedRoom({f"m{index}": 3 + 2 * index for index in range(8)}, 24),
        SurchargeRoom({f"m{index}": 3 + 2 * index for index in range(8)}, 48),
    ],
)
def test_cost_grows_with_the_length_not_with_its_square(room: Room) -> None:
    draw = random.Random(11)
    requests = draw.choices([f"m{index}" for index in range(8)], k=400)
    once, tenfold = (calls_of(partial(exact_hits, requests * times, room)) for times in (1, 10))
    assert once > len(requests)
    assert tenfold < 12 * once
