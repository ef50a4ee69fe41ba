"""The most that hits can save when not every set of models has room: exact, for a few models.

Dynamic programming over resident sets. A state is the set of models in memory after a request. A hit keeps the set; a
miss keeps a part of it beside which the wanted model fits, and adds that model (no bypass, no load without a request:
an earlier load can always be put off to the request that needs it).

Many states cannot win. Let B have saved `lead` more than A, and let `lacking` be what hits save on the models that A
has and B has not: 1 each, where hits are counted.

- lacking = 0 and lead >= 0: whatever A does, B can do and save as much (it may drop to any part of its set at its next
  miss). True for any room.
- lead >= lacking: B does as A does and pays at most one miss for each model it lacks. True if room depends on the set
  alone, not on the order of loads, and every part of a set that fits fits; this is checked, not assumed.

What is left, relative to the best state, is called a frontier. Few different frontiers occur, so what a request makes
of a frontier is worked out once and then looked up: the cost of a long sequence is a dictionary access a request.
Where room depends on the order of loads, only the first rule prunes, frontiers repeat less, and memory grows with the
sequence (16,000 requests for a dozen models: under a second).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolkit.cache.strategy import Room

Frontier = tuple[tuple[int, int], ...]
"""States that may still win, best first: (resident set as a bit mask, saved less than the best: 0 or negative)."""

_EMPTY_HOST: Frontier = ((0, 0),)


def exact_hits(requests: Sequence[str], room: Room) -> int:
    """The most hits that any strategy can have in this room, knowing the future; starts empty.

    Time and memory grow with 2 to the number of distinct models: meant for about a dozen at most.
    """
    return exact_saving(requests, room, dict.fromkeys(requests, 1)) or 0


def exact_saving(
    requests: Sequence[str], room: Room, worth: Mapping[str, int], *, comparisons: int | None = None
) -> int | None:
    """The same where a hit on each model saves what `worth` says; None if it takes more comparisons of sets."""
    models = tuple(dict.fromkeys(requests))
    number = {model: index for index, model in enumerate(models)}
    step = _Step(_Feasible(models, room), [worth[model] for model in models])
    frontiers: list[Frontier] = [_EMPTY_HOST]
    known: dict[Frontier, int] = {_EMPTY_HOST: 0}
    looked_up: dict[tuple[int, int], tuple[int, int]] = {}
    now = saved = compared = 0
    for request in requests:
        key = (now, number[request])
        found = looked_up.get(key)
        if found is None:
            after, gained = step(frontiers[now], number[request])
            compared += len(after) * (len(after) + len(frontiers[now]))
            if comparisons is not None and compared > comparisons:
                return None
            if after not in known:
                known[after] = len(frontiers)
                frontiers.append(after)
            found = looked_up[key] = (known[after], gained)
        now, gained = found
        saved += gained
    return saved


class _Feasible:
    """The room's answers, remembered: which models may stay when another is loaded. Models are bits."""

    def __init__(self, models: Sequence[str], room: Room) -> None:
        self.count = len(models)
        self._models = models
        self._room = room
        self._fits: dict[tuple[int, int], bool] = {}
        self._kept: dict[tuple[int, int], tuple[int, ...]] = {}

    def fits(self, wanted: int, resident: int) -> bool:
        """Whether model number `wanted` can be loaded beside the set; an empty host always takes it."""
        if not resident:
            return True
        key = (wanted, resident)
        if key not in self._fits:
            names = frozenset(self._models[bit] for bit in _bits(resident))
            self._fits[key] = self._room.fits(self._models[wanted], names)
        return self._fits[key]

    def kept(self, wanted: int, resident: int) -> tuple[int, ...]:
        """The largest parts of `resident` beside which `wanted` fits: none of them is a part of another."""
        key = (wanted, resident)
        if key not in self._kept:
            self._kept[key] = (resident,) if self.fits(wanted, resident) else self._largest_parts(wanted, resident)
        return self._kept[key]

    def _largest_parts(self, wanted: int, resident: int) -> tuple[int, ...]:
        bits = tuple(_bits(resident))
        found: list[int] = []
        for size in range(len(bits) - 1, -1, -1):
            for chosen in combinations(bits, size):
                part = sum(1 << bit for bit in chosen)
                if not any(part & larger == part for larger in found) and self.fits(wanted, part):
                    found.append(part)
        return tuple(found)

    def depends_on_the_set_alone(self) -> bool:
        """Whether a set fits in every order of loading or in none, and with a set all its parts.

        Looks at sets level by level; sets that cannot be reached do not matter.
        """
        level = {1 << bit for bit in range(self.count)}
        while level:
            larger = {have | 1 << bit for have in level for bit in range(self.count) if not have >> bit & 1}
            fitting = set()
            for together in larger:
                parts = ((bit, together & ~(1 << bit)) for bit in _bits(together))
                answers = {part in level and self.fits(bit, part) for bit, part in parts}
                if len(answers) > 1:
                    return False
                if True in answers:
                    fitting.add(together)
            level = fitting
        return True


class _Step:
    """What a request for a model makes of a frontier; `worth` is what a hit on each model saves."""

    def __init__(self, feasible: _Feasible, worth: Sequence[int]) -> None:
        self._feasible = feasible
        self._worth = worth
        self._by_lead = feasible.depends_on_the_set_alone()

    def __call__(self, frontier: Frontier, wanted: int) -> tuple[Frontier, int]:
        """The frontier after the request, and how much its best state has gained."""
        bit, worth = 1 << wanted, self._worth[wanted]
        behind: dict[int, int] = {}
        for have, saved in frontier:
            if have & bit:
                behind[have] = max(saved + worth, behind.get(have, saved + worth))
                continue
            for kept in self._feasible.kept(wanted, have):
                behind[kept | bit] = max(saved, behind.get(kept | bit, saved))
        best = max(behind.values())
        ranked = sorted(((have, saved - best) for have, saved in behind.items()), key=_best_first)
        return self._undominated(ranked), best

    def _undominated(self, ranked: list[tuple[int, int]]) -> Frontier:
        left: list[tuple[int, int]] = []
        for have, saved in ranked:
            if not any(self._dominates(have & ~other, ahead - saved) for other, ahead in left):
                left.append((have, saved))
        return tuple(left)

    def _dominates(self, lacking: int, lead: int) -> bool:
        """Whether a state that is ahead by so much wins over one that has these models besides."""
        if not lacking:
            return lead >= 0
        return self._by_lead and lead >= sum(self._worth[model] for model in _bits(lacking))


def _best_first(state: tuple[int, int]) -> tuple[int, int, int]:
    """Most saved first, then the larger set, so that a state stands behind all that may dominate it."""
    have, saved = state
    return -saved, -have.bit_count(), have


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
