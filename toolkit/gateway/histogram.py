"""A distribution in bounded memory, from which samples can be taken out again. Pure.

Values fall into buckets each of which reaches 1 % higher than the one before; a bucket knows how many there are, and
their sum. So a quantile is off by less than 1 %, and exact where a bucket holds equal values. From a microsecond to an
hour there are 2,200 buckets, and only those in use take memory.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from toolkit.stats.quantiles import quantile

GROWTH: Final = 1.01
_PER_BUCKET: Final = 1 / math.log(GROWTH)


@lru_cache(maxsize=64)  # a value is added to several histograms in a row
def _bucket(value: int) -> int:
    return math.floor(math.log(value) * _PER_BUCKET) if value > 0 else -1


class Histogram:
    """Whole numbers from 0 on (nanoseconds, say). `a.subtract(b)` undoes `a.merge(b)`."""

    __slots__ = ("_buckets", "count")

    def __init__(self) -> None:
        self.count = 0
        self._buckets: dict[int, tuple[int, int]] = {}

    def add(self, value: int) -> None:
        """One more value."""
        self._change(_bucket(value), 1, value)

    def merge(self, other: Histogram) -> None:
        """All values of another one."""
        for bucket, (count, total) in other._buckets.items():
            self._change(bucket, count, total)

    def subtract(self, other: Histogram) -> None:
        """Take out values that were put in."""
        for bucket, (count, total) in other._buckets.items():
            self._change(bucket, -count, -total)

    def quantile(self, share: float) -> float | None:
        """As `toolkit.stats.quantiles.quantile` of the values, to 1 %; None if there are none."""
        if not self.count:
            return None
        position = (self.count - 1) * share
        below = math.floor(position)
        pair = [self._at(below), self._at(min(below + 1, self.count - 1))]
        return quantile(pair, position - below)

    def _at(self, rank: int) -> float:
        """About the value that so many others come before, in order of size."""
        passed = 0
        for bucket in sorted(self._buckets):
            count, total = self._buckets[bucket]
            passed += count
            if passed > rank:
                return total / count
        raise IndexError(rank)

    def _change(self, bucket: int, count: int, total: int) -> None:
        had, had_total = self._buckets.get(bucket, (0, 0))
        self.count += count
        if had + count:
            self._buckets[bucket] = had + count, had_total + total
        else:
            del self._buckets[bucket]
