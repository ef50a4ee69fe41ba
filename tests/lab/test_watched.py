"""Requests that tell how far somebody has gone through them."""

from __future__ import annotations

import pytest

from toolkit.lab.cache import Use
from toolkit.lab.drawn import Zipf
from toolkit.lab.watched import BLOCK, watched


@pytest.mark.parametrize("requests", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_all_are_told_and_none_is_changed(requests: int) -> None:
    drawn = Zipf(requests, 9, 1.0, seed=1) if requests else ()
    stored = tuple(Use(*use) for use in drawn)
    for uses in (drawn, stored):
        told: list[int] = []
        assert list(watched(uses, told.append)) == list(stored)
        assert sum(told) == requests
        assert len(told) == -(-requests // BLOCK)


def test_a_block_is_told_when_it_has_been_gone_through() -> None:
    told: list[int] = []
    uses = watched(Zipf(2 * BLOCK, 9, 1.0, seed=1), told.append)
    for _ in range(BLOCK):
        next(uses)
    assert told == []
    next(uses)
    assert told == [BLOCK]


def test_the_size_of_blocks_does_not_change_what_is_drawn() -> None:
    drawn = Zipf(1000, 9, 1.0, seed=1)
    assert [use for block in drawn.blocks(7) for use in block] == list(drawn)
