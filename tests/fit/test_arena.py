"""Where results are placed in a buffer, and how large it becomes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.fit.arena import Arena


def test_the_tightest_hole_is_taken_and_the_open_end_only_if_none_fits() -> None:
    arena = Arena(1)
    first, second, third, fourth = (arena.take(size) for size in (10, 5, 30, 5))
    arena.give_back(first, 10)
    arena.give_back(third, 30)
    assert arena.take(8) == first
    assert arena.take(31) == fourth + 5
    assert second == 10
    assert arena.peak_bytes == 81


def test_of_equal_holes_the_last_is_taken() -> None:
    arena = Arena(1)
    places = [arena.take(4) for _ in range(4)]
    arena.give_back(places[0], 4)
    arena.give_back(places[2], 4)
    assert arena.take(4) == places[2]


def test_neighbouring_holes_are_joined() -> None:
    arena = Arena(1)
    places = [arena.take(4) for _ in range(4)]
    for place in (places[0], places[2], places[1]):
        arena.give_back(place, 4)
    assert arena.take(12) == 0
    assert arena.peak_bytes == 16


def test_sizes_are_rounded_up_to_the_alignment() -> None:
    arena = Arena(128)
    arena.take(1)
    assert arena.take(1) == 128
    assert arena.peak_bytes == 256


def test_nothing_takes_no_room() -> None:
    arena = Arena(128)
    at = arena.take(0)
    arena.give_back(at, 0)
    assert arena.peak_bytes == 0


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5)), max_size=60), st.sampled_from([1, 32, 128]))
def test_live_ranges_never_overlap_and_the_peak_covers_them(steps: list[tuple[int, int]], alignment: int) -> None:
    arena = Arena(alignment)
    live: list[tuple[int, int]] = []
    for size, drop in steps:
        at = arena.take(size)
        padded = -(-size // alignment) * alignment
        assert at % alignment == 0
        assert all(at + padded <= other or other + length <= at for other, length in live if length and padded)
        live.append((at, padded))
        if drop and len(live) > drop:
            gone, length = live.pop(-drop)
            arena.give_back(gone, length)
        assert arena.peak_bytes >= max((at + length for at, length in live), default=0)
    for at, length in live:
        arena.give_back(at, length)
    peak = arena.peak_bytes
    assert arena.take(peak) == 0, "everything given back is one range again"
