"""A model's idle times as a histogram, and the two windows that follow from it. O(1) a gap, amortised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MARGIN_TENTHS: Final = 1
"""A model is brought back a tenth earlier than the histogram says, and let go a tenth later."""
LEAST_VARIATION: Final = 2.0
"""The coefficient of variation of the bins' counts below which their shape says nothing."""
MOST_BEYOND: Final = 0.5
"""The share of gaps beyond the range from which the histogram says nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How idle times are read.

    `bin_ns` is the width of one of `bins`; longer gaps count, but are not told apart. `head` and `tail` are the
    shares of gaps (0 to 1) before which nobody comes and after which nobody waits. Below `fewest` gaps nothing is said.
    """

    bin_ns: int
    bins: int
    head: float
    tail: float
    fewest: int

    @property
    def range_ns(self) -> int:
        """The longest gap that is told apart."""
        return self.bin_ns * self.bins


@dataclass(frozen=True, slots=True)
class Windows:
    """When a model is worth its room, in ns from its last use: from `from_ns` (0: at once) until `until_ns`."""

    from_ns: int
    until_ns: int


class _Quantile:
    """The first bin up to which a share of all counts lies; it moves with each count, by a bin or two in most cases."""

    __slots__ = ("_before", "_share", "bin")

    def __init__(self, share: float) -> None:
        self._share = share
        self.bin = 0
        self._before = 0  # counts in the bins before `bin`

    def counted(self, counts: list[int], where: int, total: int) -> None:
        """One more was counted in bin `where`; there are `total` now."""
        if where < self.bin:
            self._before += 1
        wanted = self._share * total
        while self._before >= wanted and self.bin > 0:
            self.bin -= 1
            self._before -= counts[self.bin]
        while self._before + counts[self.bin] < wanted and self.bin < len(counts) - 1:
            self._before += counts[self.bin]
            self.bin += 1


class IdleTimes:
    """The histogram of one model; see `Reading`."""

    __slots__ = ("_beyond", "_counts", "_head", "_reading", "_squares", "_tail", "_within")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._counts = [0] * reading.bins
        self._within = self._beyond = self._squares = 0
        self._head, self._tail = _Quantile(reading.head), _Quantile(reading.tail)

    def add(self, gap_ns: int) -> None:
        """Count one gap between two uses."""
        where = gap_ns // self._reading.bin_ns
        if where >= self._reading.bins:
            self._beyond += 1
            return
        count = self._counts[where]
        self._counts[where] = count + 1
        self._squares += 2 * count + 1
        self._within += 1
        self._head.counted(self._counts, where, self._within)
        self._tail.counted(self._counts, where, self._within)

    def windows(self) -> Windows | None:
        """What the histogram says; None if it says nothing."""
        total = self._within + self._beyond
        if total < self._reading.fewest or self._beyond > MOST_BEYOND * total or not self._has_shape():
            return None
        width = self._reading.bin_ns
        return Windows(
            self._head.bin * width * (10 - MARGIN_TENTHS) // 10,
            (self._tail.bin + 1) * width * (10 + MARGIN_TENTHS) // 10,
        )

    def _has_shape(self) -> bool:
        """Whether the counts of the bins vary enough: variance / mean² at or above the least, squared."""
        bins, within = self._reading.bins, self._within
        return bins * self._squares - within * within >= LEAST_VARIATION**2 * within * within
