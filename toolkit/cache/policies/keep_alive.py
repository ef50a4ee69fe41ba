"""Models that go when they have not been used for so long, whether or not their room is needed.

The server's keep_alive with one duration for all models. Who leaves while all are still within it is the business of
the policy beneath: the server's own rule for the config's `ram` and `ssd`, LRU for what a steered server could do.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item, Policy


class KeepAlive:
    """`duration_ns` after its last use a model goes; 0: as soon as it is idle."""

    __slots__ = ("_beneath", "_duration_ns", "_used_ns")

    def __init__(self, duration_ns: int, beneath: Policy) -> None:
        self._duration_ns = duration_ns
        self._beneath = beneath
        self._used_ns: OrderedDict[str, int] = OrderedDict()  # one duration: who was used first expires first

    def expired(self, now_ns: int, busy: Container[str]) -> tuple[str, ...]:
        """See `Expiring`."""
        over: list[str] = []
        for name, used_ns in self._used_ns.items():
            if used_ns + self._duration_ns > now_ns:
                break
            if name not in busy:
                over.append(name)
        for name in over:
            self.gone(name)
        return tuple(over)

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._used_ns[item.name] = now_ns
        self._used_ns.move_to_end(item.name)
        self._beneath.hit(item, position, now_ns)

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._beneath.missed(item, position, now_ns)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        """See `Policy`."""
        name = self._beneath.victim(wanted, busy)
        if name is not None:
            del self._used_ns[name]
        return name

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._used_ns[item.name] = now_ns
        self._beneath.loaded(item, position, now_ns)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        if self._used_ns.pop(name, None) is not None:
            self._beneath.gone(name)
