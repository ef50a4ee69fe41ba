"""Least frequently used: while resident, or over all time with old uses fading.

Plain LFU counts the uses since the model was loaded. With a half-life the count of every model that was ever used is
kept, and an access from `half_life` requests ago weighs half as much as one now: counts are compared at the same
moment by adding weights that grow with the position instead of shrinking the old ones, so the rank is fixed at the
access. Source of ageing: J. T. Robinson and M. V. Devarakonda, "Data cache management using frequency-based
replacement", SIGMETRICS 1990; the exponential form is the LFU end of LRFU (Lee et al., IEEE Trans. Computers 50(12),
2001).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from toolkit.cache.policies.ranked import Ranked

if TYPE_CHECKING:
    from toolkit.cache.policies.base import Item
    from toolkit.cache.policies.ranked import Rank


class Lfu(Ranked):
    """The model with the fewest uses since it was loaded leaves; of equals, the least recently used."""

    __slots__ = ("_uses",)

    def __init__(self) -> None:
        super().__init__()
        self._uses: dict[str, int] = {}

    def worth_of_hit(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - uses count
        """One use more."""
        self._uses[item.name] = uses = self._uses[item.name] + 1
        return uses

    def worth_of_load(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - uses count
        """The first use."""
        self._uses[item.name] = 1
        return 1

    def forget(self, name: str, rank: Rank, *, evicted: bool) -> None:  # noqa: ARG002 - however it went
        """Uses count from the load."""
        del self._uses[name]


class AgeingLfu(Ranked):
    """The model with the least faded count of uses leaves; counts outlive residency. `half_life` is in requests.

    The worth is log2 of the count as seen from position 0: log2(Σ 2^(position of the use / half_life)). Logarithms, as
    the weights themselves would overflow; every model fades alike, so the order is that of the faded counts.
    """

    __slots__ = ("_half_life", "_log_count")

    def __init__(self, half_life: float) -> None:
        super().__init__()
        self._half_life = half_life
        self._log_count: dict[str, float] = {}

    def worth_of_hit(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - by position
        """The faded count, this use added."""
        return self._used(item.name, position)

    def worth_of_load(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - by position
        """The faded count, this use added."""
        return self._used(item.name, position)

    def _used(self, name: str, position: int) -> float:
        new = position / self._half_life
        old = self._log_count.get(name)
        # log2(2^old + 2^new), the larger one taken out.
        worth = new if old is None else max(old, new) + math.log2(1 + 2 ** -abs(old - new))
        self._log_count[name] = worth
        return worth
