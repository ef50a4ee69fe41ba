"""Many questions asked at once: the chance that any answer is a false alarm stays at what was asked for.

Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979). Questions that no data could have answered (a
metric that never varies) do not count, as in Tarone (1990): whether they can be answered does not depend on who is who.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust p-values so that each may be compared with the level of the whole family; None stays None."""
    asked = sorted((value, place) for place, value in enumerate(values) if value is not None)
    adjusted: list[float | None] = [None] * len(values)
    highest = 0.0
    for before, (value, place) in enumerate(asked):
        highest = max(highest, min(1.0, value * (len(asked) - before)))
        adjusted[place] = highest
    return tuple(adjusted)
