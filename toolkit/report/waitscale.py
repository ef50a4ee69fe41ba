"""How high the bars of waiting are: in proportion, or by the logarithm where one strategy would dwarf all others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.report.axis import linear_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

_DWARFED = 10
"""A strategy whose highest bar is less than this part of another's could not be read in proportion."""
_LOG_TICKS = (
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (36e3, "10 h"),
    (36e4, "100 h"),
    (36e5, "1,000 h"),
    (36e6, "10,000 h"),
)
_UNITS = ((7200, 3600, "h"), (1000, 60, "min"), (0, 1, "s"))
"""From how many seconds on which unit suits an axis, and how many seconds it has."""
_LEAST_GAP, _LEAST_END_S = 12, 0.001


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
        kept: list[tuple[float, str]] = []
        for value, label in reversed(_LOG_TICKS if self.logarithmic else _linear(self.end_s)):
            near = bool(kept) and self.at(kept[-1][0]) - self.at(value) < _LEAST_GAP
            if 0 < value <= self.end_s and not near:
                kept.append((value, label))
        return tuple(kept)


def _linear(most_s: float) -> tuple[tuple[float, str], ...]:
    """Return round numbers of seconds, minutes or hours that cover `most_s`."""
    seconds, name = next((seconds, name) for least, seconds, name in _UNITS if most_s >= least)
    return tuple((value * seconds, f"{value:,g} {name}") for value in linear_ticks(most_s / seconds, 3))


def wait_scale(highest_s: Sequence[float], height: float) -> WaitScale:
    """Return the scale for strategies whose highest bars are `highest_s`; one in which nobody waits does not count."""
    waited = [value for value in highest_s if value > 0]
    if not waited:
        return WaitScale(1.0, height, logarithmic=False)
    most = max(*waited, _LEAST_END_S)
    if most > _DWARFED * min(waited) and most > 1:
        return WaitScale(most, height, logarithmic=True)
    return WaitScale(_linear(most)[-1][0], height, logarithmic=False)
