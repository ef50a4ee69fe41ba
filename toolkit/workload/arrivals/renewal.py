"""Arrivals whose gaps are independent of each other: Poisson, and gamma for bursts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from toolkit.config.durations import NS_PER_S
from toolkit.workload.arrivals.process import unit_gaps

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gaps with the coefficient of variation `cv`, on average `per_s` arrivals a second.

    Real services have a `cv` above 1: several come at once, then nobody for a while.
    """

    per_s: Fraction
    cv: float

    def offsets_ns(self, rng: random.Random) -> Iterator[int]:
        """Sums of the gaps; the first arrival comes one gap after the start."""
        mean_gap_ns = float(NS_PER_S / self.per_s)
        return (int(passed * mean_gap_ns) for passed in accumulate(unit_gaps(self.cv, rng)))


@dataclass(frozen=True, slots=True)
class Poisson:
    """Many people who do not know of each other, on average `per_s` arrivals a second."""

    per_s: Fraction

    def offsets_ns(self, rng: random.Random) -> Iterator[int]:
        """Sums of exponential gaps."""
        return Gamma(self.per_s, 1.0).offsets_ns(rng)
