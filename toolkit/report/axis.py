"""Axes: where the ticks go, and where a value goes between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

_NS_PER_S = 1_000_000_000
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY_S = 86400
_LATE_HOURS = 48
_DAY_STEPS = (1, 2, 7, 14, 28)
_FEW_DECADES = 2.0
_LEAST_S = 1e-4


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Virtual time from `start_ns` to `end_ns` (larger) over `width` pixels from `x`."""

    start_ns: int
    end_ns: int
    x: float
    width: float

    def at(self, time_ns: int) -> float:
        """Return the place of a time, kept within the axis."""
        inside = min(max(time_ns, self.start_ns), self.end_ns)
        return self.x + (inside - self.start_ns) / (self.end_ns - self.start_ns) * self.width

    def shows(self, time_ns: int) -> bool:
        """Whether a time lies on the axis."""
        return self.start_ns <= time_ns <= self.end_ns

    def ticks(self, most: int) -> tuple[tuple[int, str], ...]:
        """Return at most `most` round times with their labels."""
        step_s = time_step_s((self.end_ns - self.start_ns) / _NS_PER_S, most)
        step_ns = step_s * _NS_PER_S
        first = -(-self.start_ns // step_ns)
        return tuple((i * step_ns, _clock(i * step_s, step_s)) for i in range(first, self.end_ns // step_ns + 1))


def time_step_s(length_s: float, most: int) -> int:
    """Return the shortest round step, in seconds, that cuts a length into fewer than `most` parts."""
    steps = _STEPS_S + tuple(days * _DAY_S for days in _DAY_STEPS)
    fitting = (step for step in steps if length_s / step < most)
    return next(fitting, _DAY_S * math.ceil(length_s / _DAY_S / most))


def _clock(time_s: int, step_s: int) -> str:
    """Write a time since the start: whole days as `3 d`, else `14:30`, with seconds if the steps need them."""
    if step_s >= _DAY_S:
        return f"{time_s // _DAY_S} d"
    hours, minutes, seconds = time_s // 3600, time_s // 60 % 60, time_s % 60
    days = ""
    if hours >= _LATE_HOURS:
        days, hours = f"{hours // 24} d ", hours % 24
    return f"{days}{hours}:{minutes:02}:{seconds:02}" if step_s % 60 else f"{days}{hours}:{minutes:02}"


@dataclass(frozen=True, slots=True)
class LogAxis:
    """Seconds by their logarithm, from `low_s` to `high_s` (1, 2 or 5 times a power of ten), drawn from `x` on."""

    low_s: float
    high_s: float
    x: float
    width: float

    def at(self, seconds: float) -> float:
        """Return the place of a duration; what is shorter than the axis, zero included, stands at its start."""
        inside = min(max(seconds, self.low_s), self.high_s)
        return self.x + math.log(inside / self.low_s) / math.log(self.high_s / self.low_s) * self.width

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return round durations with their labels: decades, and 2 and 5 between them on a short axis."""
        short = math.log10(self.high_s / self.low_s) <= _FEW_DECADES
        decades = range(math.floor(math.log10(self.low_s)) - 1, math.ceil(math.log10(self.high_s)) + 1)
        values = [_round(digit, decade) for decade in decades for digit in ((1, 2, 5) if short else (1,))]
        inside = (value for value in values if self.low_s * 0.999 <= value <= self.high_s * 1.001)
        return tuple((value, _log_label(value)) for value in inside)


def log_axis(least_s: float, most_s: float, x: float, width: float) -> LogAxis:
    """Return the tightest logarithmic axis that holds both values and at least one decade."""
    low, high = max(least_s, _LEAST_S), max(most_s, _LEAST_S)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    rounds = [_round(digit, decade) for decade in decades for digit in (1, 2, 5)]
    start = max(value for value in rounds if value <= low * 1.001)
    end = min(value for value in rounds if value >= high * 0.999 and value >= start * 9.99)
    return LogAxis(start, end, x, width)


def _round(digit: int, decade: int) -> float:
    return float(f"{digit}e{decade}")


def _log_label(value: float) -> str:
    return f"{value:,.0f} s" if value >= 1 else f"{value * 1000:,.3g} ms"


def linear_ticks(most: float, parts: int) -> tuple[float, ...]:
    """Return round numbers from 0 in about `parts` steps; the last covers `most` (positive) and ends the axis."""
    decade = 10.0 ** math.floor(math.log10(most / parts))
    step = next(decade * digit for digit in (1, 2, 5, 10) if decade * digit * parts >= most * 0.999)
    return tuple(round(step * i, 9) for i in range(math.ceil(most / step * 0.999) + 1))
