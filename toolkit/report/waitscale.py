"""How high the bars of waiting are: in proportion, or by the logarithm where one strategy would dwarf all others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.report.axis import linear_ticks
from toolkit.report.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

_DWARFED = 10
"""A strategy whose highest bar is less than this part of another's could not be read in proportion."""
_LOG_TICKS_S = (1, 10, 60, 600, 3600, 36_000, 360_000, 3_600_000, 36_000_000, 360_000_000)
_LEAST_GAP = 12


@dataclass(frozen=True, slots=True)
class WaitScale:
    """Seconds from 0 to `end_s` (positive) over `height` pixels."""

    end_s: float
    height: float
    logarithmic: bool

    def at(self, seconds: float) -> float:
        """Return the height of a bar of so many seconds."""
        if self.logarithmic:
            return self.height * math.log1p(seconds) / math.log1p(self.end_s)
        return self.height * seconds / self.end_s

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return the seconds to mark with their labels, from the top down, none closer than a label is high."""
        values = [value for value in _LOG_TICKS_S if value <= self.end_s] if self.logarithmic else self._linear()
        kept: list[float] = []
        for value in sorted(values, reverse=True):
            if value > 0 and (not kept or self.at(kept[-1]) - self.at(value) >= _LEAST_GAP):
                kept.append(value)
        return tuple((value, duration(value).replace(".0 ", " ")) for value in kept)

    def _linear(self) -> list[float]:
        return list(linear_ticks(self.end_s, 3))


def wait_scale(highest_s: Sequence[float], height: float) -> WaitScale:
    """Return the scale for strategies whose highest bars are `highest_s`; one in which nobody waits does not count."""
    waited = [value for value in highest_s if value > 0]
    if not waited:
        return WaitScale(1.0, height, logarithmic=False)
    most = max(waited)
    if most > _DWARFED * min(waited) and most > 1:
        return WaitScale(most, height, logarithmic=True)
    return WaitScale(linear_ticks(most, 3)[-1], height, logarithmic=False)
