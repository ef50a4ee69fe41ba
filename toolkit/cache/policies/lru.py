"""Least recently used.

Source: the oldest of them; its analysis in L. A. Belady, "A study of replacement algorithms for a virtual-storage
computer", IBM Systems Journal 5 (1966). Its rank is the position of the last use, fixed at the access, so a server
that evicts the shortest keep_alive can be made to follow it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item


class Lru:
    """The resident model whose last use is longest ago leaves. O(1) an access."""

    __slots__ = ("_order",)

    def __init__(self) -> None:
        self._order: OrderedDict[str, None] = OrderedDict()

    @property
    def resident(self) -> tuple[str, ...]:
        """The resident models, in the order in which they would leave."""
        return tuple(self._order)

    def hit(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        self._order.move_to_end(item.name)

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`; nothing to do."""

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        for name in self._order:
            if name not in busy:
                del self._order[name]
                return name
        return None

    def loaded(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        self._order[item.name] = None

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._order.pop(name, None)
