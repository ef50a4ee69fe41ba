"""How long will an answer take? The mean of the model's answers so far, shrunk towards that of all models.

Until something is known, `first_guess_ns`. Shrinkage as in any empirical Bayes estimate of means: a model with few
answers is mostly like the others, one with many mostly like itself.
"""

from __future__ import annotations

from typing import Final

_BORROWED: Final = 2
"""Answers' worth of all models that a model's own mean is mixed with."""


class ServiceEstimates:
    """Service times in nanoseconds, learned one answer at a time."""

    __slots__ = ("_all_count", "_all_ns", "_by_model")

    def __init__(self, first_guess_ns: int = 5_000_000_000) -> None:
        self._all_ns, self._all_count = first_guess_ns, 1
        self._by_model: dict[str, tuple[int, int]] = {}

    def learn(self, model: str, service_ns: int) -> None:
        """One more answer."""
        total_ns, count = self._by_model.get(model, (0, 0))
        self._by_model[model] = (total_ns + service_ns, count + 1)
        self._all_ns += service_ns
        self._all_count += 1

    def guess_ns(self, model: str) -> int:
        """What the next answer is expected to take."""
        total_ns, count = self._by_model.get(model, (0, 0))
        common_ns = self._all_ns // self._all_count
        return (total_ns + _BORROWED * common_ns) // (count + _BORROWED)
