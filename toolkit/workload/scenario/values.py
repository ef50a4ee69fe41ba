"""The scalar values of a scenario file: durations, rates, numbers of tokens, and distributions of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from toolkit.config.durations import NS_PER_S, parse_duration_ns
from toolkit.config.section import Section, wrong_key
from toolkit.workload.arrivals import parse_rate
from toolkit.workload.distributions import Clipped, Distribution, Empirical, Exponential, Fixed, LogNormal, Uniform

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_TOKENS = 10_000_000
_LONGEST_NS = 366 * 24 * 3600 * NS_PER_S


def _duration_ns(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("a duration is written like 30s, 5m or 1h30m")  # noqa: TRY004 - pydantic reports ValueError only
    duration_ns = parse_duration_ns(value)
    if not 0 <= duration_ns <= _LONGEST_NS:
        raise ValueError("a duration is at least 0s and at most 8784h, a year")
    return duration_ns


def _rate_per_s(value: Any) -> Fraction:
    if not isinstance(value, str):
        raise ValueError("a rate is written like 40/h, 1500/day or 1/17s")  # noqa: TRY004 - as above
    return parse_rate(value)


def _tokens(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        raise ValueError(f"a number of tokens is whole, at least 0 and at most {MOST_TOKENS}")
    return value


DurationNs = Annotated[int, PlainValidator(_duration_ns)]
RatePerS = Annotated[Fraction, PlainValidator(_rate_per_s)]
Tokens = Annotated[float, PlainValidator(_tokens)]


V = TypeVar("V", bound=float)


class _Spread(Section, Generic[V]):
    """What every distribution of a file may have: ends that no value lies beyond."""

    min: V | None = None
    max: V | None = None

    @abstractmethod
    def unclipped(self) -> Distribution:
        """The distribution without its ends."""

    def build(self) -> Distribution:
        """The distribution that a plan draws from."""
        if self.min is None and self.max is None:
            return self.unclipped()
        low = 0.0 if self.min is None else float(self.min)
        return Clipped(self.unclipped(), low, math.inf if self.max is None else float(self.max))

    @model_validator(mode="after")
    def _ends_are_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong_key("max", "less than min; swap them")
        return self


class FixedSpread(Section, Generic[V]):
    """Always `value`; a bare value means the same."""

    kind: Literal["fixed"]
    value: V

    def build(self) -> Distribution:
        """The distribution that a plan draws from."""
        return Fixed(float(self.value))


class UniformSpread(Section, Generic[V]):
    """Every value from `min` to `max` alike."""

    kind: Literal["uniform"]
    min: V
    max: V

    def build(self) -> Distribution:
        """The distribution that a plan draws from."""
        return Uniform(float(self.min), float(self.max))

    @model_validator(mode="after")
    def _ends_are_in_order(self) -> Self:
        if self.min > self.max:
            raise wrong_key("max", "less than min; swap them")
        return self


class ExponentialSpread(_Spread[V], Generic[V]):
    """Waiting times without memory, `mean` on average before the ends cut them."""

    kind: Literal["exponential"]
    mean: V

    def unclipped(self) -> Distribution:
        """The distribution without its ends."""
        return Exponential(float(self.mean))


class LogNormalSpread(_Spread[V], Generic[V]):
    """Half of the values below `median`; `sigma` is the standard deviation of their natural logarithms."""

    kind: Literal["lognormal"]
    median: V
    sigma: float = Field(ge=0, le=5)

    def unclipped(self) -> Distribution:
        """The distribution without its ends."""
        return LogNormal(float(self.median), self.sigma)


class QuantileSpread(_Spread[V], Generic[V]):
    """Measured quantiles with straight lines between: pairs of share and value, from share 0 to share 1."""

    kind: Literal["quantiles"]
    points: tuple[tuple[float, V], ...] = Field(min_length=2)

    def unclipped(self) -> Distribution:
        """The distribution without its ends."""
        return Empirical(tuple((share, float(value)) for share, value in self.points))

    @model_validator(mode="after")
    def _points_rise(self) -> Self:
        shares = [share for share, _ in self.points]
        if shares[0] != 0 or shares[-1] != 1:
            raise wrong_key(
                "points", "the first pair has share 0 (the least value) and the last has share 1 (the greatest)"
            )
        if any(low >= high for low, high in pairwise(shares)):
            raise wrong_key("points", "the shares must rise from pair to pair")
        if any(low > high for low, high in pairwise(value for _, value in self.points)):
            raise wrong_key("points", "the values must not fall from pair to pair")
        return self


def _as_mapping(read: Callable[[Any], float]) -> Callable[[Any], Any]:
    """Let a bare value stand for the fixed distribution; a wrong one is refused where it stands."""

    def widen(value: Any) -> Any:
        if isinstance(value, dict):
            return value
        read(value)
        return {"kind": "fixed", "value": value}

    return widen


TokenSpread = Annotated[
    FixedSpread[Tokens]
    | UniformSpread[Tokens]
    | ExponentialSpread[Tokens]
    | LogNormalSpread[Tokens]
    | QuantileSpread[Tokens],
    Field(discriminator="kind"),
    BeforeValidator(_as_mapping(_tokens)),
]
"""Numbers of tokens: `150`, or a mapping with `kind`."""

ThinkSpread = Annotated[
    FixedSpread[DurationNs]
    | UniformSpread[DurationNs]
    | ExponentialSpread[DurationNs]
    | LogNormalSpread[DurationNs]
    | QuantileSpread[DurationNs],
    Field(discriminator="kind"),
    BeforeValidator(_as_mapping(_duration_ns)),
]
"""Think times: `30s`, or a mapping with `kind`."""
