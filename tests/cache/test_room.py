"""Rooms by count and by bytes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.room import CountingRoom, SizedRoom, SlotRoom
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.cache.strategy import Room

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 20), min_size=1)


def test_slots_count_models_and_a_resident_model_fits_beside_the_others() -> None:
    room = SlotRoom(2)
    assert room.fits("a", frozenset())
    assert room.fits("a", frozenset("b"))
    assert not room.fits("a", frozenset("bc"))
    assert room.fits("a", frozenset("ab"))
    assert room.most_together("abc") == 2
    assert room.most_together("a") == 1


@pytest.mark.parametrize("slots", [0, -1])
def test_no_slots_are_refused(slots: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        SlotRoom(slots)


def test_bytes_are_filled_to_the_last_and_a_model_alone_always_fits() -> None:
    room = SizedRoom({"a": 20, "b": 9, "c": 5}, 14)
    assert room.fits("a", frozenset())
    assert room.fits("b", frozenset("c"))
    assert not room.fits("b", frozenset("ca"))
    assert not SizedRoom({"a": 1, "b": 1}, 14, max_models=1).fits("b", frozenset("a"))


def test_the_rooms_are_rooms() -> None:
    rooms: list[Room] = [SlotRoom(1), SizedRoom({}, 1)]
    assert all(isinstance(room, CountingRoom) for room in rooms)


@given(SIZES, st.integers(0, 60), st.none() | st.integers(1, 6))
def test_most_together_is_the_largest_set_found_by_trying_all(
    sizes: dict[str, int], capacity: int, max_models: int | None
) -> None:
    room = SizedRoom(sizes, capacity, max_models)
    found = max(
        count
        for count in range(1, len(sizes) + 1)
        for chosen in combinations(sorted(sizes), count)
        if room.fits(chosen[0], frozenset(chosen[1:]))
    )
    assert room.most_together(tuple(sizes)) == found
