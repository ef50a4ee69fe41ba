"""One outcome a request from many runs of the twin: what most runs say, and the middle of the times.

Decisions of a busy server hang on milliseconds now and then, and a wrong guess there says little about the model. So a
recording is played many times, with durations that vary as the host's do, and what is told is what most runs agree on.
"""

from __future__ import annotations

from collections import Counter
from statistics import median_low
from typing import TYPE_CHECKING, TypeVar

from toolkit.measure.outcomes import LOADED, Outcome, Undone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

T = TypeVar("T")


def consensus(runs: Sequence[Mapping[int, Outcome]]) -> dict[int, Outcome]:
    """Merge the outcomes of runs of one recording; there must be at least one run."""
    return {number: _merged([run[number] for run in runs]) for number in runs[0]}


def _merged(outcomes: Sequence[Outcome]) -> Outcome:
    """Cold or not by majority; the rest from the runs that agree with that."""
    if len(outcomes) == 1:
        return outcomes[0]
    cold = sum(one.found in LOADED for one in outcomes) * 2 > len(outcomes)
    agreed = [one for one in outcomes if (one.found in LOADED) == cold]
    return Outcome(
        _most(one.found for one in agreed),
        _middle(agreed, lambda one: one.wait_ns),
        _middle(agreed, lambda one: one.first_ns),
        _middle(agreed, lambda one: one.end_ns) or 0,
        _most(one.victims for one in agreed),
        _most(one.busy_victims for one in agreed),
        _undone([one.undone for one in outcomes]),
    )


def _undone(seen: Sequence[Undone | None]) -> Undone | None:
    """The middle of those that happened, if it happened in more than half of the runs."""
    happened = [one for one in seen if one is not None]
    if len(happened) * 2 <= len(seen):
        return None
    return sorted(happened, key=lambda one: one.waited_ns)[(len(happened) - 1) // 2]


def _most(values: Iterable[T]) -> T:
    """The commonest; of equally common ones the first seen."""
    return Counter(values).most_common(1)[0][0]


def _middle(outcomes: Sequence[Outcome], of: Callable[[Outcome], int | None]) -> int | None:
    values = [value for one in outcomes if (value := of(one)) is not None]
    return median_low(values) if values else None
