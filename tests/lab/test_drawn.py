"""Requests drawn at random: the same each time, in order, and as popular as the law says."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from toolkit.lab.drawn import Zipf


def test_a_stream_can_be_gone_through_again_and_depends_on_its_seed() -> None:
    drawn = Zipf(40_000, 9, 1.0, seed=4)  # more than are drawn at a time
    first = list(drawn)
    assert list(drawn) == first
    assert len(first) == len(drawn) == 40_000
    assert [at_ns for _, at_ns in first] == [at * 10**9 for at in range(40_000)]
    assert list(islice(Zipf(40_000, 9, 1.0, seed=5), 100)) != first[:100]


def test_popularity_falls_with_the_rank_as_the_law_says() -> None:
    counts = Counter(name for name, _ in Zipf(50_000, 4, 1.0, seed=1))
    assert set(counts) == {"m1", "m2", "m3", "m4"}
    for rank in range(1, 5):
        assert counts[f"m{rank}"] / 50_000 == pytest.approx(1 / rank / (1 + 1 / 2 + 1 / 3 + 1 / 4), abs=0.01)


def test_nothing_is_drawn_before_it_is_asked_for() -> None:
    """A stream of a million million requests begins at once."""
    assert len(list(islice(Zipf(10**12, 78, 1.3, seed=1), 10))) == 10
