"""What is summed over requests that are over, under which number, and the answer that such sums make. Pure.

Times are seconds in the answer, nanoseconds within. A figure for which there is nothing to go by is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.histogram import CLASSES, class_of, middle_of, quantile_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.gateway.tally import Tally

NS_PER_S: Final = 1_000_000_000
_REQUESTS, _FOUND, _HITS, _LEFT, _JUDGED, _CACHED, _SWAPS, _SWAP_NS = range(8)
_WAITED: Final = CLASSES
"""From here on, by class: how many waited so long. The next two: how many loads took so long, and how long together."""
_LOADED: Final = 2 * CLASSES
_LOADED_NS: Final = 3 * CLASSES
_NAMED: Final = 4 * CLASSES
"""From here on: outcomes and reasons, and models with three numbers each, in the order in which they first occur."""


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


class Figures:
    """Which number each figure has; memory is bounded by the names that occur."""

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._models: dict[str, int] = {}
        self._next = _NAMED

    def of(self, request: Served) -> list[tuple[int, int]]:
        """What a request adds to the sums."""
        outcome, found, load_ns = request.outcome, request.found, request.load_ns
        model = self._number(self._models, request.model, 3)
        amounts = [
            (_REQUESTS, 1),
            (self._number(self._reasons, request.reason), 1),
            (model, 1),
            (model + 1, request.prompt_tokens),
            (model + 2, request.answer_tokens),
        ]
        if outcome != "ok":
            amounts.append((_LEFT if outcome == "left" else self._number(self._outcomes, outcome), 1))
        elif found is not None:
            amounts += ((_FOUND, 1), (_HITS, 1)) if found == "hit" else ((_FOUND, 1),)
        if request.cached is not None:
            amounts += ((_JUDGED, 1), (_CACHED, 1)) if request.cached else ((_JUDGED, 1),)
        if load_ns is not None and request.is_swap:
            of_load = class_of(load_ns)
            amounts += ((_SWAPS, 1), (_SWAP_NS, load_ns), (_LOADED + of_load, 1), (_LOADED_NS + of_load, load_ns))
        if request.waited_ns is not None:
            amounts.append((_WAITED + class_of(request.waited_ns), 1))
        return amounts

    def of_refusal(self, label: str) -> list[tuple[int, int]]:
        """What a refusal adds to the sums: to the errors alone, it came to no model."""
        return [(self._number(self._outcomes, label), 1)]

    def as_json(self, sums: Tally) -> dict[str, Any]:
        """The sums of requests as the interface has them."""
        requests, swaps, judged = sums.of(_REQUESTS), sums.of(_SWAPS), sums.of(_JUDGED)
        # The mean of a class, where it is known: one load of 2 s is to be told as 2 s. Waits are too many for that.
        loads = [
            (sums.of(_LOADED_NS + each - _LOADED) / count, count) for each, count in sums.between(_LOADED, _LOADED_NS)
        ]
        waits = [(middle_of(each - _WAITED), count) for each, count in sums.between(_WAITED, _LOADED)]
        return {
            "requests": requests,
            "hits": sums.of(_HITS),
            "hit_rate": sums.of(_HITS) / sums.of(_FOUND) if sums.of(_FOUND) else None,
            "swaps": swaps,
            "swap_s": {
                "mean": sums.of(_SWAP_NS) / swaps / NS_PER_S if swaps else None,
                "p95": _seconds(quantile_of(loads, 0.95)),
            },
            "prefix_cache": {
                "judged": judged,
                "cached": sums.of(_CACHED),
                "rate": sums.of(_CACHED) / judged if judged else None,
            },
            "waited_s": {"p50": _seconds(quantile_of(waits, 0.5)), "p95": _seconds(quantile_of(waits, 0.95))},
            "models": {
                model: {
                    "requests": asked,
                    "share": asked / requests,
                    "prompt_tokens": sums.of(number + 1),
                    "answer_tokens": sums.of(number + 2),
                }
                for model, number in sorted(self._models.items())
                if (asked := sums.of(number))
            },
            "routing": _by_count(self._reasons, sums),
            "errors": _by_count(self._outcomes, sums),
            "left": sums.of(_LEFT),
        }

    def _number(self, known: dict[str, int], name: str, width: int = 1) -> int:
        number = known.get(name)
        if number is None:
            number = known[name] = self._next
            self._next += width
        return number


def _by_count(numbers: Mapping[str, int], sums: Tally) -> dict[str, int]:
    """The most frequent first, equals by name: what the order of arrival was is not known any more."""
    counts = [(name, count) for name, number in numbers.items() if (count := sums.of(number))]
    return dict(sorted(counts, key=lambda item: (-item[1], item[0])))


def _seconds(found_ns: float | None) -> float | None:
    return None if found_ns is None else found_ns / NS_PER_S
