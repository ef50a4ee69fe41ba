"""ARC: the room is shared between models used once and models used more, and ghosts of both move the border.

Source: N. Megiddo and D. S. Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003, with the lists
counted in bytes. A miss that one of the ghost lists remembers moves the target of the other side by max(1, ratio of
the two ghost lists) times the size of the model (`step="item"`) or times one byte (`step="one"`, as implementations
that were written for equal sizes do; there the two are the same).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item

Step = Literal["item", "one"]


class _List:
    """Models, least recently used first, with their sizes."""

    __slots__ = ("bytes", "rows")

    def __init__(self) -> None:
        self.rows: OrderedDict[str, int] = OrderedDict()
        self.bytes = 0

    def add(self, name: str, size_bytes: int) -> None:
        self.rows[name] = size_bytes
        self.bytes += size_bytes

    def drop(self, name: str) -> int:
        """Its size; the model must be there."""
        size_bytes = self.rows.pop(name)
        self.bytes -= size_bytes
        return size_bytes

    def oldest(self, busy: Container[str]) -> str | None:
        return next((name for name in self.rows if name not in busy), None)


class Arc:
    """See the module; `capacity_bytes` is all the room there is."""

    __slots__ = (
        "_capacity_bytes",
        "_frequent",
        "_frequent_ghost",
        "_from_frequent",
        "_known",
        "_once",
        "_once_ghost",
        "_step",
        "_target_bytes",
    )  # fmt: skip

    def __init__(self, capacity_bytes: int, step: Step = "item") -> None:
        self._capacity_bytes = capacity_bytes
        self._step = step
        self._target_bytes = 0.0
        """The share of the room meant for models used once."""
        self._once, self._frequent = _List(), _List()
        self._once_ghost, self._frequent_ghost = _List(), _List()
        self._known = False
        """Whether the miss under way was remembered by a ghost list, and by which."""
        self._from_frequent = False

    def hit(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        holder = self._once if item.name in self._once.rows else self._frequent
        self._frequent.add(item.name, holder.drop(item.name))

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`: move the border if a ghost list remembers the model."""
        once, frequent = self._once_ghost, self._frequent_ghost
        self._from_frequent = item.name in frequent.rows
        self._known = self._from_frequent or item.name in once.rows
        step = item.size_bytes if self._step == "item" else 1
        if self._from_frequent:
            moved = max(once.bytes / frequent.bytes, 1) * step
            self._target_bytes = max(self._target_bytes - moved, 0)
            frequent.drop(item.name)
        elif self._known:
            moved = max(frequent.bytes / once.bytes, 1) * step
            self._target_bytes = min(self._target_bytes + moved, self._capacity_bytes)
            once.drop(item.name)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        """See `Policy`; case IV of the paper for models that no ghost list remembers."""
        keep_ghost = True
        if not self._known:
            ever_once = self._once.bytes + self._once_ghost.bytes
            if ever_once + wanted.size_bytes > self._capacity_bytes:
                if self._once_ghost.rows:
                    self._forget_oldest(self._once_ghost)
                elif self._once.oldest(busy) is not None:
                    keep_ghost = False
            elif ever_once + self._frequent.bytes + self._frequent_ghost.bytes >= 2 * self._capacity_bytes:
                self._forget_oldest(self._frequent_ghost)
        return self._replace(busy, keep_ghost=keep_ghost)

    def loaded(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - order is all
        """See `Policy`."""
        (self._frequent if self._known else self._once).add(item.name, item.size_bytes)
        self._known = self._from_frequent = False

    def gone(self, name: str) -> None:
        """See `Policy`."""
        for holder in (self._once, self._frequent):
            if name in holder.rows:
                holder.drop(name)

    def _replace(self, busy: Container[str], *, keep_ghost: bool) -> str | None:
        """REPLACE of the paper; the other side if all models of the right one are busy."""
        once = self._once
        over = once.bytes > self._target_bytes or (once.bytes == self._target_bytes and self._from_frequent)
        from_once = (not keep_ghost) or (once.bytes > 0 and over) or not self._frequent.rows
        order = (once, self._frequent) if from_once else (self._frequent, once)
        for holder in order:
            name = holder.oldest(busy)
            if name is not None:
                size_bytes = holder.drop(name)
                if keep_ghost:
                    (self._once_ghost if holder is once else self._frequent_ghost).add(name, size_bytes)
                return name
        return None

    @staticmethod
    def _forget_oldest(ghost: _List) -> None:
        if ghost.rows:
            ghost.drop(next(iter(ghost.rows)))
