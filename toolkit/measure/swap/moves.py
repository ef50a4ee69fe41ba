"""What is to be measured, and in which order.

A move is one request for a model while another one (or none, or the model itself) is in memory. Every move is made once
a round, and the moves of each round are shuffled, so that neither a slow drift of the host nor the order of the models
is taken for a property of a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

Kind = Literal["load", "swap", "resident"]
Pages = Literal["as_found", "dropped", "warmed"]
"""What is done to the host's page cache before a move: nothing, dropped, or the model's file read through."""


@dataclass(frozen=True, slots=True)
class Move:
    """Ask for `model` while `before` is in memory (None: nothing); `round` counts from 0."""

    kind: Kind
    before: str | None
    model: str
    pages: Pages
    round: int


def planned_moves(models: Sequence[str], rounds: int, rng: random.Random, *, pages: Sequence[Pages]) -> list[Move]:
    """All moves of all rounds in the order in which to make them.

    A round has, for each way of `pages`, each model from nothing and after each other model; and each model again while
    it is in memory, once.
    """
    order: list[Move] = []
    for number in range(rounds):
        moves = [Move("load", None, model, way, number) for way in pages for model in models]
        moves += [
            Move("swap", before, model, way, number)
            for way in pages
            for before in models
            for model in models
            if before != model
        ]
        moves += [Move("resident", model, model, "as_found", number) for model in models]
        rng.shuffle(moves)
        order += moves
    return order
