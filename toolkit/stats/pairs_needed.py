"""How many repetitions a paired comparison needs; apart from `paired`, as it needs no numpy."""

from __future__ import annotations

FEWEST = 6
"""Below six pairs no pattern of signs is rare enough for a level of 0.05."""


def pairs_needed(questions: int, alpha: float = 0.05) -> int:
    """How many repetitions it takes before the smallest possible p-value survives the correction for the family."""
    count = FEWEST
    while 2.0 ** (1 - count) * questions > alpha:
        count += 1
    return count
