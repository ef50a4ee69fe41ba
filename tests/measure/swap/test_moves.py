from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from toolkit.measure.swap.moves import planned_moves

NAMES = ("a", "b", "c", "d")


@given(st.integers(2, 4), st.integers(1, 4), st.integers())
def test_every_round_has_every_move_once(models: int, rounds: int, seed: int) -> None:
    names = NAMES[:models]
    moves = planned_moves(names, rounds, random.Random(seed), pages=("as_found",))
    assert [move.round for move in moves] == sorted(move.round for move in moves)
    for number in range(rounds):
        pairs = Counter((move.before, move.model) for move in moves if move.round == number)
        wanted = {(before, model) for before in (None, *names) for model in names}
        assert pairs == dict.fromkeys(wanted, 1)


def test_the_seed_is_the_order() -> None:
    first = planned_moves(NAMES, 2, random.Random(1), pages=("as_found",))
    assert planned_moves(NAMES, 2, random.Random(1), pages=("as_found",)) == first
    assert planned_moves(NAMES, 2, random.Random(2), pages=("as_found",)) != first
    assert first[: len(first) // 2] != [move for move in first if move.round == 1]


def test_both_ways_of_the_page_cache_but_one_resident() -> None:
    moves = planned_moves(("a", "b"), 1, random.Random(0), pages=("dropped", "warmed"))
    assert Counter((move.kind, move.pages) for move in moves) == {
        ("load", "dropped"): 2,
        ("load", "warmed"): 2,
        ("swap", "dropped"): 2,
        ("swap", "warmed"): 2,
        ("resident", "as_found"): 2,
    }
