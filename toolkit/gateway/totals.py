"""Sums over requests that are over, which can be added to each other and taken out of each other again. Pure.

Times are seconds in the answer, nanoseconds within. A figure for which there is nothing to go by is None, never 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Served:
    """One request that is over. `outcome` is ok, left (the client went away), or the reason of the failure.

    `cached`: whether the server had the beginning of the prompt in its prefix cache; None where that cannot be told.
    """

    at_ns: int
    kind: str
    model: str
    host: str | None
    reason: str
    outcome: str
    found: str | None
    load_ns: int | None
    waited_ns: int | None
    prompt_tokens: int
    answer_tokens: int
    cached: bool | None = None

    @property
    def is_swap(self) -> bool:
        """Whether a model was loaded for it."""
        return self.found in {"cold", "reload"} and self.load_ns is not None


class Totals:
    """Sums over requests. `a.subtract(b)` undoes `a.merge(b)`; memory is bounded by the names that occur."""

    __slots__ = ("_answer", "_asked", "_counts", "_outcomes", "_prompt", "_routing", "_swap_ns", "_wait_ns")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._routing: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()  # by model, as the next two
        self._prompt: Counter[str] = Counter()
        self._answer: Counter[str] = Counter()
        self._swap_ns = Histogram()
        self._wait_ns = Histogram()

    def add(self, request: Served) -> None:
        """One more."""
        counts = self._counts
        counts["requests"] += 1
        if request.outcome == "ok":
            counts["found"] += request.found is not None
            counts["hits"] += request.found == "hit"
        elif request.outcome == "left":
            counts["left"] += 1
        else:
            self._outcomes[request.outcome] += 1
        counts["judged"] += request.cached is not None
        counts["cached"] += request.cached is True
        if request.is_swap:
            counts["swap_ns"] += request.load_ns or 0
            self._swap_ns.add(request.load_ns or 0)
        if request.waited_ns is not None:
            self._wait_ns.add(request.waited_ns)
        self._routing[request.reason] += 1
        self._asked[request.model] += 1
        self._prompt[request.model] += request.prompt_tokens
        self._answer[request.model] += request.answer_tokens

    def merge(self, other: Totals) -> None:
        """All requests of another one."""
        for mine, theirs in self._with(other):
            mine.update(theirs)
        self._swap_ns.merge(other._swap_ns)
        self._wait_ns.merge(other._wait_ns)

    def subtract(self, other: Totals) -> None:
        """Take out requests that were put in."""
        for mine, theirs in self._with(other):
            mine.subtract(theirs)
            for name in theirs:
                if not mine[name]:
                    del mine[name]
        self._swap_ns.subtract(other._swap_ns)
        self._wait_ns.subtract(other._wait_ns)

    def as_json(self) -> dict[str, Any]:
        """As the interface has it."""
        counts, swaps = self._counts, self._swap_ns.count
        return {
            "requests": counts["requests"],
            "hits": counts["hits"],
            "hit_rate": counts["hits"] / counts["found"] if counts["found"] else None,
            "swaps": swaps,
            "swap_s": {
                "mean": counts["swap_ns"] / swaps / NS_PER_S if swaps else None,
                "p95": _quantile_s(self._swap_ns, 0.95),
            },
            "prefix_cache": {
                "judged": counts["judged"],
                "cached": counts["cached"],
                "rate": counts["cached"] / counts["judged"] if counts["judged"] else None,
            },
            "waited_s": {"p50": _quantile_s(self._wait_ns, 0.5), "p95": _quantile_s(self._wait_ns, 0.95)},
            "models": dict(self._models()),
            "routing": _by_count(self._routing),
            "errors": _by_count(self._outcomes),
            "left": counts["left"],
        }

    def _models(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for model, asked in sorted(self._asked.items()):
            yield (
                model,
                {
                    "requests": asked,
                    "share": asked / self._counts["requests"],
                    "prompt_tokens": self._prompt[model],
                    "answer_tokens": self._answer[model],
                },
            )

    def _with(self, other: Totals) -> Iterator[tuple[Counter[str], Counter[str]]]:
        for name in ("_counts", "_outcomes", "_routing", "_asked", "_prompt", "_answer"):
            yield getattr(self, name), getattr(other, name)


def _by_count(counts: Counter[str]) -> dict[str, int]:
    """The most frequent first, equals by name: what the order of arrival was is not known any more."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _quantile_s(values: Histogram, share: float) -> float | None:
    found_ns = values.quantile(share)
    return None if found_ns is None else found_ns / NS_PER_S
