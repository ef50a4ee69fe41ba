"""Which calculation the ceiling takes, and what it claims."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.offline import Ceiling, ceiling
from toolkit.cache.offline_slots import min_hits
from toolkit.cache.room import SizedRoom, SlotRoom

LOOP = [f"m{index % 15}" for index in range(150)]
SIZES = {f"m{index}": 1 + index for index in range(15)}


class Mute:
    """A room that answers one question only."""

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        return len(wanted) > 1 and len(resident) < 2


def test_equal_slots_are_exact_for_any_number_of_models() -> None:
    assert ceiling(LOOP, SlotRoom(4)) == Ceiling(150, min_hits(LOOP, 4), "exact")


def test_few_models_are_exact_and_many_are_bounded_by_the_largest_set() -> None:
    room = SizedRoom(SIZES, 10)  # 1 + 2 + 3 + 4: four at most
    assert ceiling(LOOP, room) == Ceiling(150, min_hits(LOOP, 4), "bound")
    exact = ceiling(LOOP, room, exact_up_to_models=15)
    assert exact.method == "exact"
    assert exact.hits <= ceiling(LOOP, room).hits


def test_a_room_that_cannot_count_bounds_only_first_uses() -> None:
    assert ceiling(LOOP, Mute()) == Ceiling(150, 135, "bound")


def test_rates_and_shares_are_absent_where_there_is_nothing_to_divide_by() -> None:
    nothing = ceiling([], SlotRoom(1))
    assert (nothing.hit_rate, nothing.share(0)) == (None, None)
    assert Ceiling(4, 2, "exact").hit_rate == 0.5
    assert Ceiling(4, 2, "exact").share(1) == 0.5


@given(st.lists(st.sampled_from(sorted(SIZES)), max_size=60), st.integers(1, 40))
def test_the_bound_is_never_below_the_exact_value(requests: list[str], capacity: int) -> None:
    room = SizedRoom(SIZES, capacity)
    bound = ceiling(requests, room, exact_up_to_models=0)
    exact = ceiling(requests, room, exact_up_to_models=6) if len(set(requests)) <= 6 else bound
    assert exact.hits <= bound.hits


@pytest.mark.parametrize("slots", [1, 3, 20])
def test_one_model_misses_once(slots: int) -> None:
    assert ceiling(["m"] * 10, SlotRoom(slots)).hits == 9
