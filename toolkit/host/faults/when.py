"""Which requests, loads or moments a fault is about. Times count from the start of the twin, in the twin's time."""

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from toolkit.config.scalars import DelayNs, ModelName, canonical_model_name

Ordinal = Annotated[int, Field(ge=1, le=1_000_000_000)]
Chance = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as conditions look at it. `model` is None if it names none; `body` is parsed JSON or None."""

    at_ns: int
    method: str
    path: str
    model: str | None = None
    body: Any = None


Predicate = Callable[[Asked], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadWhen:
    """Which loads. All conditions must hold; without any, every load is meant.

    `nth` and `every` count the loads that fulfil the conditions on model and time, from 1. `chance` is drawn for each
    that is left, and at most `times` of them are hit.
    """

    model: ModelName | None = None
    after_ns: Annotated[DelayNs, Field(alias="after")] = 0
    before_ns: Annotated[DelayNs | None, Field(alias="before")] = None
    nth: tuple[Ordinal, ...] = ()
    every: Ordinal | None = None
    chance: Chance = 1.0
    times: Ordinal | None = None

    def covers(self, at_ns: int) -> bool:
        """Whether a moment lies in the window."""
        return at_ns >= self.after_ns and (self.before_ns is None or at_ns < self.before_ns)

    def is_about(self, model: str | None, at_ns: int) -> bool:
        """Whether the conditions on model and time hold."""
        if not self.covers(at_ns):
            return False
        return self.model is None or (
            model is not None and canonical_model_name(model) == canonical_model_name(self.model)
        )

    def has_turn(self, ordinal: int) -> bool:
        """Whether it is the turn of the `ordinal`-th one, counted from 1."""
        return (not self.nth or ordinal in self.nth) and (self.every is None or ordinal % self.every == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWhen(LoadWhen):
    """Which requests: also by method and path (with `*` and `?`), and in Python by any predicate."""

    method: str | None = None
    path: str | None = None
    predicate: Predicate | None = None

    def is_about_request(self, asked: Asked) -> bool:
        """Whether everything but turn and chance fits."""
        return (
            self.is_about(asked.model, asked.at_ns)
            and (self.method is None or self.method.upper() == asked.method)
            and (self.path is None or fnmatch.fnmatchcase(asked.path, self.path))
            and (self.predicate is None or self.predicate(asked))
        )

    @property
    def needs_request(self) -> bool:
        """Whether anything but the time must be known to decide."""
        return (
            bool(self.model or self.method or self.path or self.predicate or self.nth or self.every or self.times)
            or self.chance < 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time, from `at_ns` or from the first request that `on` means; without `for_ns` to the end."""

    at_ns: Annotated[DelayNs, Field(alias="at")] = 0
    for_ns: Annotated[DelayNs | None, Field(alias="for")] = None
    on: RequestWhen | None = None
