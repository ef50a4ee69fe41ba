"""The check of an answer: whole replays with other random numbers than those it was found with.

At the answer every promise must be kept, at 1.1 times its load one must be broken. Where the replays say otherwise,
they join the repetitions that the answer is found with, it is found anew, and others check it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from toolkit.plan.judge import judge
from toolkit.plan.search import REFUTED_AT, LoadSearch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.judge import Judged
    from toolkit.plan.search import Effort, Found, Snap
    from toolkit.plan.tally import Tally
    from toolkit.workload.plan import Slo

MOST_ROUNDS: Final = 3


class MeasureRange(Protocol):
    """Simulates loads with chosen repetitions."""

    def __call__(self, loads: Sequence[float], repetitions: range) -> Sequence[Sequence[Tally]]:
        """The tallies of each load."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer and its check; `at` and `above` are None where there was nothing to check."""

    found: Found
    at: Judged | None = None
    above: Judged | None = None
    rounds: int = 0

    @property
    def confirmed(self) -> bool:
        """The promises were kept at the answer, and one was broken ten percent above it."""
        return self.at is not None and self.above is not None and self.at.keeps and not self.above.keeps


def find_and_check(
    measure: MeasureRange, slos: Sequence[Slo], snapped: Snap, effort: Effort, highest: float
) -> Checked:
    """Search, check, and search again with what the check has shown, at most three times."""

    def first(loads: Sequence[float], repetitions: int) -> Sequence[Sequence[Tally]]:
        return measure(loads, range(repetitions))

    search = LoadSearch(first, slos, snapped, effort, highest=highest)
    found = search.run()
    checked = Checked(found)
    for number in range(1, MOST_ROUNDS + 1):
        if found.load is None or found.open_end:
            return Checked(found, rounds=number - 1)
        fresh = range(found.repetitions, 2 * found.repetitions)
        loads = (found.load, next_above(found.load, snapped))
        at, above = (judge(load, partial(_one, measure, load), fresh, effort.scan, slos) for load in loads)
        checked = Checked(found, at, above, number)
        if checked.confirmed or number == MOST_ROUNDS:
            break
        found = search.refine(found.load, 2 * found.repetitions)
    return checked


def _one(measure: MeasureRange, load: float, repetitions: range) -> Sequence[Tally]:
    return measure((load,), repetitions)[0]


def next_above(load: float, snapped: Snap) -> float:
    """Ten percent more, or the next load above that there is."""
    factor, higher = REFUTED_AT, snapped(load * REFUTED_AT)
    while higher < load * REFUTED_AT * (1 - 1e-3):
        factor += 0.05
        higher = snapped(load * factor)
    return higher
