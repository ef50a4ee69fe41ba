"""LRU-K: the model whose K-th last use is longest ago leaves; one with fewer uses leaves before.

Source: E. J. O'Neil, P. E. O'Neil and G. Weikum, "The LRU-K page replacement algorithm for database disk buffering",
SIGMOD 1993. The history of uses outlives residency, as the paper demands (no time limit here: models are few). Of
models with fewer than K uses the least recently used one leaves first.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from toolkit.cache.policies.ranked import Ranked

if TYPE_CHECKING:
    from toolkit.cache.policies.base import Item

_TOO_FEW: Final = -1.0


class LruK(Ranked):
    """See the module; `k` = 2 unless told otherwise."""

    __slots__ = ("_history", "_k")

    def __init__(self, k: int = 2) -> None:
        super().__init__()
        self._k = k
        self._history: dict[str, deque[int]] = {}

    def worth_of_hit(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - by position
        """The position of the K-th last use."""
        history = self._history.setdefault(item.name, deque(maxlen=self._k))
        history.append(position)
        return history[0] if len(history) == self._k else _TOO_FEW

    def worth_of_load(self, item: Item, position: int, now_ns: int) -> float:
        """The same: history does not begin anew."""
        return self.worth_of_hit(item, position, now_ns)
