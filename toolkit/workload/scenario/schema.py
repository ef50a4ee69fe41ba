"""The model of a scenario file; every key that a scenario may have, and what it means."""

import difflib
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from toolkit.config.durations import NS_PER_S
from toolkit.config.section import Section, wrong_key
from toolkit.workload.arrivals import CURVES, ArrivalProcess, Constant, Day, Gamma, Poisson
from toolkit.workload.scenario.values import DurationNs, RatePerS, ThinkSpread, TokenSpread

Label = Literal["code", "fast", "primary"]
"""The role that the author of a prompt expects the router to choose."""

_DAY_NS = 24 * 3600 * NS_PER_S
_HOURS = 24
_SECONDS_PER_DAY = 86_400
_Cv = Annotated[float, Field(ge=0.05, le=50)]


class ConstantArrivals(Section):
    """One at the start, then one in every period."""

    kind: Literal["constant"]
    rate: RatePerS

    def build(self) -> ArrivalProcess:
        """The process that a plan takes its moments from."""
        return Constant(self.rate)


class PoissonArrivals(Section):
    """Many people who do not know of each other."""

    kind: Literal["poisson"]
    rate: RatePerS

    def build(self) -> ArrivalProcess:
        """The process that a plan takes its moments from."""
        return Poisson(self.rate)


class GammaArrivals(Section):
    """Bursts and lulls: `cv` is the standard deviation of the gaps over their mean; 1 is Poisson."""

    kind: Literal["gamma"]
    rate: RatePerS
    cv: _Cv

    def build(self) -> ArrivalProcess:
        """The process that a plan takes its moments from."""
        return Gamma(self.rate, self.cv)


class DayArrivals(Section):
    """The hours of a day: a named curve or 24 weights, midnight first, from the time of day `start` on.

    Either `rate` (on average over a whole day) or `peak` (in the busiest hour). `cv` as for gamma, on a clock that runs
    with the curve.
    """

    kind: Literal["day"]
    curve: str | tuple[Annotated[float, Field(ge=0, le=1e9)], ...]
    rate: RatePerS | None = None
    peak: RatePerS | None = None
    start: DurationNs = 0
    cv: _Cv = 1.0

    @property
    def weights(self) -> tuple[float, ...]:
        """24 hourly weights."""
        return CURVES[self.curve] if isinstance(self.curve, str) else self.curve

    def build(self) -> ArrivalProcess:
        """The process that a plan takes its moments from."""
        if self.rate is not None:
            per_day = self.rate * _SECONDS_PER_DAY
        else:
            per_day = (self.peak or Fraction(0)) * 3600 * Fraction(sum(self.weights)) / Fraction(max(self.weights))
        return Day(self.weights, per_day, self.start, self.cv)

    @model_validator(mode="after")
    def _is_a_day(self) -> Self:
        if isinstance(self.curve, str) and self.curve not in CURVES:
            close = difflib.get_close_matches(self.curve, CURVES, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            allowed = f"{', '.join(CURVES)}, or a list of {_HOURS} weights"
            raise wrong_key("curve", f"found {self.curve!r}; allowed: {allowed}{hint}")
        if len(self.weights) != _HOURS:
            raise wrong_key(
                "curve", f"found {len(self.weights)} weights; a day has {_HOURS}, the first for midnight to 1 h"
            )
        if not any(self.weights):
            raise wrong_key("curve", "all weights are 0, so nobody would ever come")
        if (self.rate is None) == (self.peak is None):
            raise wrong_key("rate", "give either rate (average over a day, as 600/day) or peak (busiest hour, as 80/h)")
        if self.start >= _DAY_NS:
            raise wrong_key("start", "the time of day as a duration since midnight, less than 24h, as 8h30m")
        return self


class ClosedArrivals(Section):
    """So many users; each starts the next prompt a think time after the last answer, so a slow host is asked less."""

    kind: Literal["closed"]
    users: int = Field(ge=1, le=10_000)
    prompts_per_user: int = Field(ge=1, le=100_000)
    think: ThinkSpread


Arrivals = Annotated[
    ConstantArrivals | PoissonArrivals | GammaArrivals | DayArrivals | ClosedArrivals, Field(discriminator="kind")
]


class Turn(Section):
    """One user message of a conversation; what it does not say, it has from its prompt.

    `prompt_tokens` counts the message with what is pasted into it but not written out in `text`; a message never has
    fewer than its text. `think` is the pause between the last answer and this message (a first turn has none).
    """

    text: str = Field(min_length=1)
    label: Label | None = None
    model: str | None = Field(default=None, min_length=1)
    prompt_tokens: TokenSpread | None = None
    output_tokens: TokenSpread | None = None
    think: ThinkSpread | None = None


class Prompt(Section):
    """What somebody asks: one message (`text`), or a conversation (`turns`) that brings its whole history each time.

    `weight` is how often it is chosen, relative to the other prompts (of the same label, if the scenario has a `mix`).
    """

    id: str | None = Field(default=None, min_length=1)
    weight: float = Field(default=1.0, ge=0, le=1e9)
    label: Label | None = None
    model: str | None = Field(default=None, min_length=1)
    system: str | None = None
    text: str | None = Field(default=None, min_length=1)
    turns: tuple[Turn, ...] | None = Field(default=None, min_length=1)
    prompt_tokens: TokenSpread | None = None
    output_tokens: TokenSpread | None = None
    think: ThinkSpread | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.text is None) == (self.turns is None):
            raise wrong_key("text", "a prompt has either text (one message) or turns (a conversation)")
        return self

    def messages(self) -> tuple[Turn, ...]:
        """The user's messages in order; one for a prompt with `text`."""
        return self.turns if self.turns is not None else (Turn(text=self.text or ""),)


class SloModel(Section):
    """A promise: at least `share` of the requests see `metric` within this time of their intended arrival."""

    metric: Literal["ttft", "e2e"]
    within: DurationNs
    share: float = Field(gt=0, le=1)


class Scenario(Section):
    """A whole file. `duration` is how long people keep coming; a closed loop has none: it ends when all are done."""

    name: str = Field(min_length=1)
    description: str = ""
    seed: int = Field(default=1, ge=0)
    duration: DurationNs | None = None
    arrivals: Arrivals
    system: str | None = None
    prompt_tokens: TokenSpread | None = None
    output_tokens: TokenSpread = Field(default=200, validate_default=True)
    think: ThinkSpread = Field(default="1m", validate_default=True)
    mix: dict[Label, Annotated[float, Field(ge=0, le=1e9)]] | None = None
    sequence: tuple[str, ...] | None = Field(default=None, min_length=1)
    prompts: tuple[Prompt, ...] = Field(min_length=1)
    slos: tuple[SloModel, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _is_not_empty(cls, data: Any) -> Any:
        if data == {}:
            raise ValueError("the scenario is empty; it needs name, duration, arrivals and prompts")
        return data

    @field_validator("description")
    @classmethod
    def _on_one_line(cls, text: str) -> str:
        return " ".join(text.split())

    @model_validator(mode="after")
    def _length_is_known(self) -> Self:
        closed = isinstance(self.arrivals, ClosedArrivals)
        if closed and self.duration is not None:
            raise wrong_key(
                "duration", "a closed loop has no duration: it ends after prompts_per_user prompts of each user"
            )
        if not closed and not self.duration:
            raise wrong_key("duration", "say how long people keep coming, as 8h; more than 0s")
        if self.mix is not None and self.sequence is not None:
            raise wrong_key("mix", "give either mix (shares of the labels, drawn) or sequence (prompt ids, in turn)")
        return self
