"""How many samples a side a decision needs, from the spread that was seen.

The standard error falls with the square root of the number of samples; what is left is to ask when it is small enough.
Planned with more power than promised, because the correction for autocorrelation costs some, and for the largest spread
that the samples at hand may stand for (90 % one-sided): half of all pilots would otherwise promise too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import ndtri

if TYPE_CHECKING:
    from toolkit.stats.decide import Finding, Rule

PROMISED_POWER = 0.90
PLANNED_POWER = 0.95
SPREAD_ERROR = 1.3
"""Relative standard error of an interval's width times the square root of the samples behind it; by simulation, for
normal and lognormal samples."""
SPREAD_BOUND = 1.2816


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Samples a side: `to_see` a change of `change`, and `to_clear` it (to show that none beyond the floor is there).

    None where the spread is unknown; for `to_see` also where the change is not beyond the floor.
    """

    change: float
    to_see: int | None
    to_clear: int | None


def sample_size(finding: Finding, change: float, family: int, rule: Rule) -> SampleSize:
    """Plan for a true `change` (0.05 = 5 %), with `family` metrics in the comparison.

    Raises:
        ValueError: `change` is not positive, or `family` below 1.
    """
    if change <= 0 or family < 1:
        raise ValueError("a change to be seen is positive, and a family has a member")
    shift = finding.shift
    if shift is None:
        return SampleSize(change, None, None)
    unit = _distance if shift.log else float
    fewer = min(finding.base_count, finding.new_count) / finding.correlation.time
    largest = 1 + SPREAD_BOUND * SPREAD_ERROR / math.sqrt(fewer)
    per_sample = largest * shift.error / math.sqrt(1 / finding.base_count + 1 / finding.new_count)
    test, planned = float(ndtri(1 - rule.alpha / family / 2)), float(ndtri(PLANNED_POWER))
    to_see = None
    if change > rule.effect:
        # Both must come true: the test rejects, and the estimate lies beyond the floor.
        largest_error = min(unit(change) / (test + planned), (unit(change) - unit(rule.effect)) / planned)
        to_see = _count(per_sample, largest_error, rule)
    either_side = float(ndtri(0.5 + rule.level / 2)) + float(ndtri(0.5 + PLANNED_POWER / 2))
    return SampleSize(
        change, to_see, _count(per_sample, unit(rule.effect) / either_side, rule) if rule.effect else None
    )


def _distance(change: float) -> float:
    return math.log1p(change)


def _count(per_sample: float, largest_error: float, rule: Rule) -> int:
    return max(rule.fewest, math.ceil(2 * (per_sample / largest_error) ** 2))
