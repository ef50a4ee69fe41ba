"""Which calculation the ceiling takes, and what it claims."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from toolkit.cache.offline import Ceiling, Floor, ceiling, least_load
from toolkit.cache.offline_sets import exact_hits
from toolkit.cache.offline_slots import min_hits
from toolkit.cache.room import SizedRoom, SlotRoom
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

LOOP = [f"m{index % 15}" for index in range(150)]
SIZES = {f"m{index}": 1 + index for index in range(15)}


class Mute:
    """A room that answers one question only."""

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        return len(wanted) > 1 and len(resident) < 2


def test_equal_slots_are_exact_for_any_number_of_models() -> None:
    most = min_hits(LOOP, 4)
    assert ceiling(LOOP, SlotRoom(4)) == Ceiling(150, most, "exact", most)


class Counting(Mute):
    """It can also say how many live together."""

    def most_together(self, models: Collection[str]) -> int:
        return min(2, len(models))


def test_many_models_in_a_room_that_only_answers_are_exact_where_its_sets_can_be_known() -> None:
    most = min_hits(LOOP, 2)
    assert ceiling(LOOP, Counting()) == Ceiling(150, most, "exact", most)
    assert ceiling(LOOP, Mute()) == Ceiling(150, most, "exact", most)
    assert least_load(LOOP, Mute(), dict.fromkeys(LOOP, 5)) == Floor(5 * (150 - most), "exact", 5 * (150 - most))


def test_sizes_are_exact_for_many_models_and_bounded_from_both_sides_without_effort() -> None:
    room = SizedRoom(SIZES, 30)
    exact = ceiling(LOOP, room)
    assert (exact.method, exact.reached) == ("exact", exact.hits)
    assert exact.hits == exact_hits(LOOP, room)
    mixed = random.Random(1).choices(sorted(SIZES), k=300)
    exact, hasty = ceiling(mixed, room), ceiling(mixed, room, effort=300)
    assert hasty.method == "bound"
    assert hasty.reached is not None
    assert hasty.reached <= exact.hits <= hasty.hits


def test_least_load_counts_what_must_be_loaded_at_least() -> None:
    seconds = {"a": 10, "b": 1, "c": 1}
    floor = least_load("abcabca", SlotRoom(2), seconds)  # a stays; b and c take turns
    assert floor == Floor(10 + 4, "exact", 14)
    assert floor.share(28) == 0.5
    assert floor.share(0) is None


def test_a_busy_model_takes_room_until_it_is_idle() -> None:
    room = SlotRoom(2)
    assert ceiling("abcb", room).hits == 1
    assert ceiling("abcb", room, busy_until=[3, 2, 3, 4]).hits == 0  # b cannot stay beside a and c
    with pytest.raises(UsageError, match=r"request 3 \(c\) has no room"):
        ceiling("abcb", room, busy_until=[3, 3, 3, 4])
    with pytest.raises(ValueError, match="slots or sizes"):
        ceiling("abcb", Mute(), busy_until=[1, 2, 3, 4])


def test_rates_and_shares_are_absent_where_there_is_nothing_to_divide_by() -> None:
    nothing = ceiling([], SlotRoom(1))
    assert (nothing.hit_rate, nothing.share(0)) == (None, None)
    half = Ceiling(4, 2, "exact", 2)
    assert (half.hit_rate, half.share(1)) == (0.5, 0.5)


@pytest.mark.parametrize("slots", [1, 3, 20])
def test_one_model_misses_once(slots: int) -> None:
    assert ceiling(["m"] * 10, SlotRoom(slots)).hits == 9
