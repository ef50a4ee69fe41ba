"""Arrivals that follow the hours of a day, by rescaling time.

Take a process of one arrival per unit of time, and let the clock run fast in busy hours and slowly in quiet ones: with
C(t) the expected number of arrivals up to t, the n-th arrival is where C(t) reaches the sum of the first n unit gaps.
With exponential gaps that is exactly the Poisson process of that changing rate, with gamma gaps its bursty relative
(source: the random time change theorem, e.g. Daley and Vere-Jones, An Introduction to the Theory of Point Processes,
section 7.4).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from toolkit.config.durations import NS_PER_S
from toolkit.workload.arrivals.process import unit_gaps

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from fractions import Fraction

HOURS = 24
_HOUR_NS = 3600 * NS_PER_S
_DAY_NS = HOURS * _HOUR_NS


@dataclass(frozen=True, slots=True)
class Day:
    """A curve of 24 hourly weights (midnight first, at least one above 0) that repeats each day.

    `per_day` arrivals are expected between two midnights; the rate is constant within an hour. The run starts
    `start_ns` after midnight. `cv` is the coefficient of variation of the gaps on the rescaled clock: 1 is Poisson.
    """

    weights: tuple[float, ...]
    per_day: Fraction
    start_ns: int
    cv: float

    def offsets_ns(self, rng: random.Random) -> Iterator[int]:
        """Moments after the start of the run, hours of weight 0 left out."""
        total = sum(self.weights)
        per_hour = tuple(float(self.per_day) * weight / total for weight in self.weights)
        expected = (0.0, *accumulate(per_hour))  # C at each full hour
        per_day = expected[-1]
        first_hour, into_hour_ns = divmod(self.start_ns, _HOUR_NS)
        reached = expected[first_hour] + per_hour[first_hour] * into_hour_ns / _HOUR_NS
        for gap in unit_gaps(self.cv, rng):
            reached += gap
            day, within = divmod(reached, per_day)
            hour = bisect_right(expected, within) - 1  # never one of weight 0: C does not rise there
            into_hour = min((within - expected[hour]) / per_hour[hour], 1.0)
            clock_ns = int((hour + into_hour) * _HOUR_NS)
            yield max(0, int(day) * _DAY_NS + clock_ns - self.start_ns)
