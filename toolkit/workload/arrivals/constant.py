"""A metronome."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from toolkit.config.durations import NS_PER_S

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Constant:
    """One at the start and then one in every period, exactly `per_s` a second: no drift, whatever the rate."""

    per_s: Fraction

    def offsets_ns(self, rng: random.Random) -> Iterator[int]:  # noqa: ARG002 - nothing is left to chance
        """Multiples of the period, each cut to whole ns on its own."""
        over, under = self.per_s.denominator * NS_PER_S, self.per_s.numerator
        return (index * over // under for index in count())
