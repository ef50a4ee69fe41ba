"""Landlord: every model pays rent for its room out of a credit of its load's cost; who runs out leaves.

Source: N. E. Young, "On-line file caching", SODA 1998. Charging all by the least credit per byte is done by raising
one clock instead: a model's worth is the clock at its last access plus cost / size, and the clock rises to the worth
of the victim. A hit restores the whole credit (the paper allows any amount between what is left and the cost).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.cache.policies.ranked import Ranked

if TYPE_CHECKING:
    from toolkit.cache.policies.base import Item
    from toolkit.cache.policies.ranked import Rank

_SCALE: Final = 1e6  # as in GDSF


class Landlord(Ranked):
    """See the module."""

    __slots__ = ("_clock",)

    def __init__(self) -> None:
        super().__init__()
        self._clock = 0.0

    def worth_of_hit(self, item: Item, position: int, now_ns: int) -> float:  # noqa: ARG002 - credit alone
        """The credit is whole again."""
        return self._clock + _SCALE * item.load_ns / item.size_bytes

    def worth_of_load(self, item: Item, position: int, now_ns: int) -> float:
        """A whole credit."""
        return self.worth_of_hit(item, position, now_ns)

    def forget(self, name: str, rank: Rank, *, evicted: bool) -> None:  # noqa: ARG002 - the rank says it
        """Rent was due until the victim's credit was gone."""
        if evicted:
            self._clock = rank[0]
