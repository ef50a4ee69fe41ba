"""A distribution as counts of classes of values, which add up and can be taken out again. Pure.

A class reaches 1 % higher than the one before, so a quantile told from the counts alone is off by half a percent. From
a microsecond to an hour there are 2,200 classes; only those that occur are kept, by their numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable

GROWTH: Final = 1.01
CLASSES: Final = 1 << 13
"""More than there are: the last one takes whatever lies beyond."""
_PER_CLASS: Final = 1 / math.log(GROWTH)


def class_of(value: int) -> int:
    """The class of a whole number (nanoseconds, say); 0 is that of nothing and less."""
    return min(math.floor(math.log(value) * _PER_CLASS) + 1, CLASSES - 1) if value > 0 else 0


def middle_of(number: int) -> float:
    """The value that stands for a class: at most half a percent from any of it."""
    return GROWTH ** (number - 0.5) if number > 0 else 0.0


def quantile_of(counts: Iterable[tuple[float, int]], share: float) -> float | None:
    """As `toolkit.stats.quantiles.quantile` of the values (ascending, each so many times); None if there are none."""
    known = list(counts)
    total = sum(count for _, count in known)
    if not total:
        return None
    position = (total - 1) * share
    below = math.floor(position)
    pair = [_at(known, below), _at(known, min(below + 1, total - 1))]
    return quantile(pair, position - below)


def _at(counts: list[tuple[float, int]], rank: int) -> float:
    """The value that so many others come before, in order of size."""
    passed = 0
    for value, count in counts:
        passed += count
        if passed > rank:
            return value
    raise IndexError(rank)
