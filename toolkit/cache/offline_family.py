"""Which sets of models can be resident together, in a room that answers one question only: does this fit beside those?

On a real server the order of loads matters: the newcomer needs a margin that residents do not. *Admitted* is what the
room says of one load; *allowed* are the sets that loads and evictions can come to, in whatever order.

`sizes` puts numbers on an allowed family: the largest sizes with which no allowed set exceeds the capacity, by a linear
programme. Whatever holds for all sets within such a capacity holds for the family, so bounds made for sizes are bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Final

import numpy as np

from toolkit.cache.offline_stays import Limits, bits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.cache.strategy import Room

WORK: Final = 40_000
"""What a room may be asked before its sets are given up, in orders of residents: about ten seconds of the simulated
host's. Three together of 34 models can be known so, or four of 14."""
_MOST_IN_ALL_ORDERS: Final = 4
CAPACITY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Family:
    """All allowed sets of the models with these numbers, as bit masks, and who is harmless in them.

    `most` is the size of the largest set. `returning` are the models that can be loaded again into every allowed set
    that they were part of. `replaces[a]` are those that let in everybody whom `a` lets in, where they stand for it.
    """

    allowed: frozenset[int]
    most: int
    returning: int
    replaces: tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class Admitted:
    """`Keeping` of `offline_search` by the room's own word; of a family that is not known, nobody is harmless."""

    admission: Admission
    family: Family | None

    @property
    def returning(self) -> int:
        """See `Family`."""
        return 0 if self.family is None else self.family.returning

    def admits(self, model: int, resident: int) -> bool:
        """What the room says."""
        return self.admission.admits(model, resident)

    def replaces(self, other: int, model: int) -> bool:
        """See `Family`."""
        return self.family is not None and other in self.family.replaces[model]


class Admission:
    """The room's answers, remembered. Models are numbers, in the order of `models`.

    `work` counts those that the room had to answer, each as often as there are orders of four residents at the most.
    """

    def __init__(self, models: Sequence[str], room: Room) -> None:
        self._models = models
        self._room = room
        self._known: dict[tuple[int, int], bool] = {}
        self.work = 0

    def admits(self, model: int, resident: int) -> bool:
        """Whether a model can be loaded beside a set; an empty host takes every model."""
        if not resident:
            return True
        key = (model, resident)
        if key not in self._known:
            names = frozenset(self._models[each] for each in bits(resident))
            self._known[key] = self._room.fits(self._models[model], names)
            self.work += factorial(min(len(names), _MOST_IN_ALL_ORDERS))
        return self._known[key]


def family_of(models: int, admission: Admission, most: int, work: int = WORK) -> Family | None:
    """All allowed sets of so many models; None if that takes more work than given. No set has more than `most`.

    A set is allowed if a load into an allowed set makes it, or if it is a part of one.
    """
    allowed = _closed(models, admission, most, work)
    if allowed is None:
        return None
    largest = max(mask.bit_count() for mask in allowed)

    def admits(model: int, resident: int) -> bool:
        return resident.bit_count() < largest and admission.admits(model, resident)

    if not _is_monotone(models, allowed, admits):
        return Family(frozenset(allowed), largest, 0, (frozenset(),) * models)
    returning = (1 << models) - 1
    for mask in allowed:
        for each in bits(mask & returning):
            if not admits(each, mask & ~(1 << each)):
                returning &= ~(1 << each)
    return Family(frozenset(allowed), largest, returning, _replacing(models, allowed, admits))


def sizes(family: Family, models: Sequence[str], weights: Mapping[str, int]) -> Limits:
    """Sizes with which every allowed set is within the capacity, large for the models of large weight."""
    from scipy.optimize import linprog  # noqa: PLC0415 - slow to import, and seldom needed

    largest = [mask for mask in family.allowed if _is_largest(mask, len(models), family.allowed)]
    rows = np.zeros((len(largest), len(models)))
    for row, mask in enumerate(sorted(largest)):
        rows[row, bits(mask)] = 1.0
    goal = -np.array([weights.get(name, 0) for name in models], dtype=float)
    solved = linprog(goal, A_ub=rows, b_ub=np.ones(len(largest)), bounds=(0, 1), method="highs-ds")
    # Rounded down, and a little more: a sum of sizes must not exceed the capacity by the solver's own tolerance.
    parts = solved.x * (1 - 1e-6) if solved.status == 0 else np.zeros(len(models))
    taken = {name: int(max(0.0, part) * CAPACITY) for name, part in zip(models, parts, strict=True)}
    return Limits(taken, CAPACITY, family.most)


def _is_largest(mask: int, models: int, allowed: frozenset[int]) -> bool:
    return not any(mask | 1 << each in allowed for each in range(models) if not mask >> each & 1)


def _closed(models: int, admission: Admission, most: int, work: int) -> set[int] | None:
    """The allowed sets, each looked at once; None if that takes too long."""
    allowed = {1 << model for model in range(models)}
    queue = sorted(allowed)
    while queue:
        mask = queue.pop()
        made = [mask & ~(1 << each) for each in bits(mask)]
        if mask.bit_count() < most:
            made += [
                mask | 1 << each for each in range(models) if not mask >> each & 1 and admission.admits(each, mask)
            ]
        if admission.work > work:
            return None
        for other in made:
            if other and other not in allowed:
                allowed.add(other)
                queue.append(other)
    return allowed


def _is_monotone(models: int, allowed: set[int], admits: Callable[[int, int], bool]) -> bool:
    """Whether a model that is admitted beside a set is admitted beside all its parts."""
    return all(
        admits(model, mask & ~(1 << each))
        for mask in allowed
        for model in range(models)
        if not mask >> model & 1 and admits(model, mask)
        for each in bits(mask)
    )


def _replacing(models: int, allowed: set[int], admits: Callable[[int, int], bool]) -> tuple[frozenset[int], ...]:
    """For each model who lets in everybody whom it lets in, whatever else is resident."""
    can = [set(range(models)) - {model} for model in range(models)]
    for mask in allowed:
        let_in = [wanted for wanted in range(models) if not mask >> wanted & 1 and admits(wanted, mask)]
        for model in bits(mask):
            rest = mask & ~(1 << model)
            can[model] = {
                other
                for other in can[model]
                if rest >> other & 1 or all(wanted == other or admits(wanted, rest | 1 << other) for wanted in let_in)
            }
    return tuple(frozenset(each) for each in can)
