"""Distributions of lengths and think times, each as its quantile function.

A value is drawn by `distribution.at(rng.random())`: one uniform number a value. So two scenarios that differ in one
parameter draw from the same places of their distributions, and what follows in the stream does not shift.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

_SMALLEST_U = 2.0**-54  # below every positive value of random(); keeps the normal quantile finite at 0


class Distribution(Protocol):
    """Something that has quantiles."""

    def at(self, u: float) -> float:
        """The value below which a share `u` of all values lies; `0 <= u < 1`. Never falls as `u` rises."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same value."""

    value: float

    def at(self, u: float) -> float:  # noqa: ARG002 - the interface of a distribution
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value from `low` to `high` alike."""

    low: float
    high: float

    def at(self, u: float) -> float:
        """A straight line from `low` to `high`."""
        return self.low + u * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Waiting times without memory."""

    mean: float

    def at(self, u: float) -> float:
        """`-mean · ln(1 - u)`."""
        return -self.mean * math.log1p(-u)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Values whose logarithms are normal, with `sigma` as their standard deviation: half lie below `median`."""

    median: float
    sigma: float

    def at(self, u: float) -> float:
        """`median · exp(sigma · z(u))`, with z the quantile of the standard normal distribution."""
        return self.median * math.exp(self.sigma * NormalDist().inv_cdf(max(u, _SMALLEST_U)))


@dataclass(frozen=True, slots=True)
class Empirical:
    """Measured quantiles: pairs of (share, value), shares rising strictly from 0 to 1, values never falling."""

    points: tuple[tuple[float, float], ...]

    def at(self, u: float) -> float:
        """Straight lines between the points."""
        above = min(bisect_right(self.points, u, key=lambda point: point[0]), len(self.points) - 1)
        (low_u, low), (high_u, high) = self.points[above - 1], self.points[above]
        return low + (high - low) * (u - low_u) / (high_u - low_u)


@dataclass(frozen=True, slots=True)
class Clipped:
    """Another distribution, with what lies outside [`low`, `high`] moved to the nearer end."""

    inner: Distribution
    low: float
    high: float

    def at(self, u: float) -> float:
        """The inner value, clipped."""
        return min(max(self.inner.at(u), self.low), self.high)
