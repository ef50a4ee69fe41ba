"""What a model makes of a weight: tokens, learned from the prompts that it counted. Pure.

The server has no call that counts tokens, but every answer says how many its prompt had (`prompt_eval_count`, cached
ones included). From the last prompts of a model two lines are drawn, tokens over weight:

- the *estimate*, through the median of tokens ÷ weight: what is most likely;
- the *bound*, `base + slope · weight`: slope a tenth above the highest tokens ÷ weight of a long prompt, base so that
  no prompt that was seen lies above it. It holds what a Modelfile's own system text adds to every prompt.

Until eight long prompts are known the bound is at least the cautious one of a model that nothing is known of. Slope and
base are rounded up to coarse steps: a bound that moved a little with every answer would move the cuts of the context,
and every cut that moves costs the server's prefix cache.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Self

UNKNOWN_RATIO = 1.0
UNKNOWN_SLOPE = 1.5
"""A quarter more than the heaviest ratio seen on English, German, Chinese, code and JSON with common vocabularies."""
LEAST_SLOPE = 0.5
MARGIN = 1.1
ENOUGH = 8
LONG = 200.0
"""Weight from which a prompt tells of the text more than of the template around it."""
WINDOW = 64
_SLOPE_STEP = 1 / 8
_BASE_STEP = 32
_LEAST_RATIO = 1 / 16
"""Below, the count was of something else: an old server counted only what was not cached."""
_MOST_RATIO = 8.0


@dataclass(frozen=True, slots=True)
class ModelTokens:
    """What is known of one model; `observations` are (weight, tokens), the oldest first, at most `WINDOW`."""

    observations: tuple[tuple[float, int], ...] = ()
    ratio: float = UNKNOWN_RATIO
    slope: float = UNKNOWN_SLOPE
    base: int = 0

    def observed(self, weight: float, tokens: int, context_tokens: int | None = None) -> Self:
        """With one more prompt that the model counted; as it was, if that count says nothing.

        A count at the very limit of the context (`context_tokens`) is of a prompt that the server has cut.
        """
        if weight <= 0 or tokens < _LEAST_RATIO * weight:
            return self
        if context_tokens is not None and tokens >= context_tokens - 1:
            return self
        observations = (*self.observations, (weight, tokens))[-WINDOW:]
        ratios = [count / heavy for heavy, count in observations if heavy >= LONG]
        slope = _slope(ratios)
        base = max(count - slope * heavy for heavy, count in observations)
        ratio = statistics.median(ratios) if ratios else self.ratio
        return type(self)(observations, ratio, slope, max(0, math.ceil(base / _BASE_STEP)) * _BASE_STEP)

    def estimate(self, weight: float) -> int:
        """The most likely number of tokens."""
        return math.ceil(self.ratio * weight)

    def bound(self, weight: float) -> int:
        """The number of tokens that a prompt will not exceed, as far as is known."""
        return self.base + math.ceil(self.slope * weight)

    def capacity(self, tokens: int) -> float:
        """The greatest weight whose bound is at most so many tokens; negative if even nothing is too much."""
        return math.floor((tokens - self.base) / self.slope * 16) / 16

    def part_bound(self, weight: float) -> int:
        """What a part adds to the bound of a prompt."""
        return math.ceil(self.slope * weight)


def _slope(ratios: list[float]) -> float:
    highest = max(ratios, default=0.0) * MARGIN
    if len(ratios) < ENOUGH:
        highest = max(highest, UNKNOWN_SLOPE)
    return math.ceil(min(max(highest, LEAST_SLOPE), _MOST_RATIO) / _SLOPE_STEP) * _SLOPE_STEP


class TokenBook:
    """What is known of every model."""

    def __init__(self) -> None:
        self._models: dict[str, ModelTokens] = {}

    def of(self, model: str) -> ModelTokens:
        """What is known of a model."""
        return self._models.get(model, _UNKNOWN)

    def observe(self, model: str, weight: float, tokens: int, context_tokens: int | None = None) -> None:
        """Learn from one prompt that a model counted."""
        self._models[model] = self.of(model).observed(weight, tokens, context_tokens)


_UNKNOWN = ModelTokens()
