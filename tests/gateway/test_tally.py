"""Sums that can be taken out again, against a plain Counter."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from toolkit.gateway.tally import Tally

NUMBERS = st.integers(0, 40_000)
AMOUNTS = st.lists(st.tuples(NUMBERS, st.integers(1, 10**12) | st.integers(2**62, 2**70)), max_size=20)
"""Amounts as they are, and such as no clock has, of a host that counts what it likes."""


def tally(amounts: list[tuple[int, int]]) -> Tally:
    made = Tally()
    made.add(amounts)
    return made


@given(AMOUNTS, AMOUNTS)
def test_what_was_packed_is_taken_out_to_the_last_of_it(stay: list[tuple[int, int]], go: list[tuple[int, int]]) -> None:
    packed = tally(go).packed()
    sums = tally(stay)
    sums.add(packed)
    sums.subtract(packed)
    wanted: Counter[int] = Counter()
    for number, amount in stay:
        wanted[number] += amount
    assert sums.between(0, 40_001) == sorted(wanted.items())
    assert bool(sums) == bool(stay)
    assert all(sums.of(number) == amount for number, amount in wanted.items())
    assert sums.between(10, 100) == sorted(item for item in wanted.items() if 10 <= item[0] < 100)
