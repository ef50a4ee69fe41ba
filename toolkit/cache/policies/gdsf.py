"""Greedy dual size frequency: worth = clock + uses · cost / size; the clock rises to the worth of each victim.

Source: L. Cherkasova, "Improving WWW proxies performance with greedy-dual-size-frequency caching policy", HP Labs
HPL-98-69R1 (1998). Cost is what the model's load takes, size its bytes: a large model that loads quickly is worth
little of the room that it takes. With `cost="one"` every load counts the same.

As published, a newcomer stays and the others leave until it fits: a server cannot answer without the model either.
Some implementations rank the newcomer among the others, so that it may be the one to leave at once (`CompetingGdsf`);
it is here to be compared with those, as no server can follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from toolkit.cache.policies.ranked import Ranked

if TYPE_CHECKING:
    from toolkit.cache.policies.base import Item
    from toolkit.cache.policies.ranked import Rank

Cost = Literal["load", "one"]
_SCALE: Final = 1e6  # keeps cost / size of gigabytes away from the smallest floats; the order does not depend on it


class Gdsf(Ranked):
    """See the module. Uses count from the load, as in the paper."""

    __slots__ = ("_clock", "_cost", "_uses")

    def __init__(self, cost: Cost = "load") -> None:
        super().__init__()
        self._cost = cost
        self._clock = 0.0
        self._uses: dict[str, int] = {}

    def worth_of_hit(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - uses count
        """One use more, at today's clock."""
        self._uses[item.name] += 1
        return self._worth(item)

    def worth_of_load(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - uses count
        """The first use, at today's clock."""
        self._uses[item.name] = 1
        return self._worth(item)

    def forget(self, name: str, rank: Rank, *, evicted: bool) -> None:
        """The clock rises to what the victim was worth."""
        del self._uses[name]
        if evicted:
            self._clock = rank[0]

    def _worth(self, item: Item) -> float:
        cost = item.load_ns if self._cost == "load" else 1
        return self._clock + self._uses[item.name] * _SCALE * cost / item.size_bytes


class CompetingGdsf(Gdsf):
    """The newcomer is ranked before room is made, at the clock as it was, and may leave at once."""

    __slots__ = ()
    loads_first = True
