"""Durations in the order of a policy: integers of nanoseconds, all of them at least the base.

The server evicts the idle model with the shortest keep_alive, to the nanosecond. So the durations carry an order and
nothing else: a *rung* for each resident model, the first to leave on the lowest. Only the model of the request at hand
can be given a new rung, as only a request can carry one; it goes between those of its neighbours in the order.

A rung that still lies between them stays, and the request need not carry anything. Otherwise it goes a step above the
neighbour below, or a quarter into the gap where that is narrower. A step is 2^-24 of what is left to the ceiling
(0.1 ms at first), so even 100 million changes of order stay below it. Where a gap has no whole nanosecond left, the
model shares the rung below and the digest decides between the two: `ties` counts that. Gaps grow again by the same
rule: a model with somebody close below it, and more room above, moves up at its next request though its place is the
same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_STEP_SHIFT: Final = 24
_NARROW: Final = 4


class Ladder:
    """The rungs of resident models, in nanoseconds from `base_ns` (at least 1) up to about `base_ns` + `spread_ns`."""

    __slots__ = ("_base_ns", "_ceiling_ns", "_rungs", "ties")

    def __init__(self, base_ns: int, spread_ns: int) -> None:
        self._base_ns = base_ns
        self._ceiling_ns = base_ns + spread_ns
        self._rungs: dict[str, int] = {}
        self.ties = 0

    def rung_ns(self, name: str) -> int | None:
        """The duration that the server has been given for a model; None if it is not known."""
        return self._rungs.get(name)

    def forget(self, name: str) -> None:
        """The model's duration is not known any more."""
        self._rungs.pop(name, None)

    def keep(self, names: Container[str]) -> None:
        """Forget all other models."""
        for name in [name for name in self._rungs if name not in names]:
            del self._rungs[name]

    def place(self, name: str, order: Sequence[str]) -> int:
        """The rung of a model in `order` (first to leave first), new if need be. Others in it may have no rung."""
        rungs = self._rungs
        at = order.index(name)
        below_ns = max((rungs[other] for other in order[:at] if other in rungs), default=self._base_ns - 1)
        # Rungs of successors that lie too low are out of date: their models are due a higher one themselves.
        above_ns = min((rung for other in order[at + 1 :] if (rung := rungs.get(other, 0)) > below_ns), default=None)
        step_ns = max(1, (self._ceiling_ns - below_ns) >> _STEP_SHIFT)
        own_ns = rungs.get(name)
        if own_ns is None or not self._is_between(own_ns, below_ns, above_ns, step_ns):
            own_ns = rungs[name] = self._between(below_ns, above_ns, step_ns)
        return own_ns

    @staticmethod
    def _is_between(own_ns: int, below_ns: int, above_ns: int | None, step_ns: int) -> bool:
        """Whether the rung lies where it should, with room below it for others on their way up."""
        room_ns = step_ns if above_ns is None else min(step_ns, above_ns - below_ns)
        return own_ns - below_ns >= max(1, room_ns // _NARROW) and (above_ns is None or own_ns < above_ns)

    def _between(self, below_ns: int, above_ns: int | None, step_ns: int) -> int:
        if above_ns is None:
            return below_ns + step_ns
        gap_ns = above_ns - below_ns
        if gap_ns == 1:
            self.ties += 1
            return max(below_ns, self._base_ns)
        return below_ns + min(step_ns, max(1, gap_ns // _NARROW))
