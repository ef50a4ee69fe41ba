"""The best set of stays: dynamic programming over the sets of models that were promised to stay, and three rules.

At each row every state decides whether the row's model stays until its next use. A state is the set of models whose
stays are open; what it has saved counts each stay from its beginning. A state is dropped if

- prices (`offline_prices`) show that it cannot save more than what is known to be reachable: each decision against a
  price, and each room left empty that has one, costs the bound as much as it is wrong;
- another state has saved more even after all its stays that this one lacks are given up: then this one is no optimum;
- another state differs by one stay alone, has saved as much, and that stay takes no more room and ends sooner: it can
  do whatever this one can (the argument of Belady 1966, for sizes).

Where the order of loads matters (`Keeping`), the last two hold only if the models that the other state lacks can always
be loaded again.

No rule drops the optimum, so without a limit on states the result is exact. With one, the states with the least loss
stay, and what was dropped bounds what may have been missed: the result says both ends. Narrow passes come first, as
what they reach makes the wide ones cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from toolkit.cache.offline_prices import prices_of
from toolkit.cache.offline_stays import bits, reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.cache.offline_prices import Prices
    from toolkit.cache.offline_stays import Stays

WIDTHS: Final = (32, 512, 4096)
EFFORT: Final = 1_000_000
"""States looked at after the first pass before the search settles for bounds: about ten seconds."""
_FEW: Final = 12
"""Below so many states pruning costs more than it saves."""
_LEADERS: Final = 8
_ROUNDING: Final = 1e-11  # sums of up to millions of prices, as a part of the bound


@dataclass(frozen=True, slots=True)
class Saved:
    """What can be saved, in the unit of `Stays.worth`.

    `reached` by some sequence of loads and evictions; more than `most` by none.
    """

    reached: int
    most: int


class Keeping(Protocol):
    """Which stays may be open at a row, where that is not a matter of sizes alone. Sets of models are bit masks.

    `returning` are the models that can always be loaded again into a set that they were part of.
    """

    @property
    def returning(self) -> int:
        """See above."""
        ...

    def admits(self, model: int, resident: int) -> bool:
        """Whether a model can be loaded beside a set."""
        ...

    def replaces(self, other: int, model: int) -> bool:
        """Whether `other` hinders nobody whom `model` would not hinder; asked of returning models only."""
        ...


class _State(NamedTuple):
    saved: int
    loss: float
    used: int


_States = dict[int, _State]


def best_saving(
    stays: Stays, *, widths: Sequence[int] = WIDTHS, effort: int = EFFORT, keeping: Keeping | None = None
) -> Saved:
    """The most that can be saved, exactly (`reached == most`) or from both sides where the effort does not suffice.

    With `keeping` the sizes of `stays` must allow whatever it admits: they are used for the prices alone.
    """
    if not stays.model:
        return Saved(stays.sure, stays.sure)
    prices = prices_of(stays)
    reached, most = -1, int(prices.bound + rounding(prices))
    for place, width in enumerate(widths):
        # The first pass must end: it is what gives a sequence that can be followed.
        narrow = place == 0
        search = _Pass(stays, prices, reached, keeping, width=width, effort=None if narrow else effort, repairs=narrow)
        reached = max(reached, search.best)
        most = max(reached, min(most, search.most))
        effort -= 0 if narrow else search.effort
        if most <= reached or effort <= 0:
            break
    return Saved(stays.sure + reached, stays.sure + most)


class _Pass:
    """One pass with at most `width` states at a row; `reached` is known from earlier passes.

    `best` is what it reached itself (-1: nothing better), `most` what nobody exceeds, `effort` what it took.
    """

    def __init__(
        self,
        stays: Stays,
        prices: Prices,
        reached: int,
        keeping: Keeping | None,
        *,
        width: int,
        effort: int | None,
        repairs: bool,
    ) -> None:
        self._stays = stays
        self._keeping = keeping
        self._returning = -1 if keeping is None else keeping.returning
        self._prices = prices
        self._to_room, self._to_places = reach(prices.room), reach(prices.places)
        self._repairs = repairs
        self._worth = [0] * len(stays.models)  # of each model's last stay
        self._end = [0] * len(stays.models)
        self._first = [0] * len(stays.models)
        self._limit = prices.bound - reached - 1 + rounding(prices)
        """A loss above this cannot save more than what is reached."""
        self.effort = 0
        self._least_dropped = float("inf")
        states = self._played(width, effort)
        self.best = max((state.saved for state in states.values()), default=-1)
        missed = prices.bound - self._least_dropped + rounding(prices)
        self.most = max(self.best, reached, int(missed) if missed > 0 else -1)

    def _played(self, width: int, effort: int | None) -> _States:
        """The states after the last row; none if the effort ran out."""
        states: _States = {0: _State(0, 0.0, 0)}
        for row in range(len(self._stays.model)):
            states = self._after(row, states)
            self.effort += len(states)
            if len(states) > _FEW:
                states = self._undominated(row, states)
            if len(states) > width:
                ranked = sorted(states.items(), key=_least_loss)
                self._least_dropped = min(self._least_dropped, ranked[width][1].loss)
                states = dict(ranked[:width])
            if effort is not None and self.effort > effort:
                self._least_dropped = min([self._least_dropped, *(state.loss for state in states.values())])
                return {}
        return states

    def _after(self, row: int, states: _States) -> _States:
        """Each state that has room for the row's model, with its stay begun, and without."""
        stays, prices, limit = self._stays, self._prices, self._limit
        model = stays.model[row]
        bit, size, worth, gain = 1 << model, stays.sizes[model], stays.worth[row], prices.gain[row]
        may_keep, may_drop = stays.possible[row], not stays.free[row]
        keeping, dropping = max(0.0, -gain), max(0.0, gain)
        after: _States = {}
        known = after.get
        for had, state in states.items():
            mask, now = had, state
            if mask & bit:
                mask ^= bit
                now = _State(state.saved, state.loss, state.used - size)
            settled = self._settled(row, mask, now, loads=mask == had)
            if settled is None:
                continue
            mask, (saved, loss, used) = settled
            if may_keep and loss + keeping <= limit:
                old = known(mask | bit)
                if old is None or old.saved < saved + worth:
                    after[mask | bit] = _State(saved + worth, loss + keeping, used + size)
            if may_drop and loss + dropping <= limit:
                old = known(mask)
                if old is None or old.saved < saved:
                    after[mask] = _State(saved, loss + dropping, used)
        self._worth[model], self._end[model], self._first[model] = worth, stays.following[row] or 0, stays.first[row]
        return after

    def _settled(self, row: int, mask: int, state: _State, *, loads: bool) -> tuple[int, _State] | None:
        """The state at this row, what it leaves empty paid for; None if the row's model has no room in it."""
        if not self._fits(row, mask, state.used, loads=loads):
            if not self._repairs:
                return None
            mask, state = self._repaired(row, mask, state, loads=loads)
        stays, prices = self._stays, self._prices
        price, rent = prices.room[row], prices.places[row]
        loss = state.loss
        if price:
            loss += price * max(0, stays.room[row] - self._taken(row, mask, state.used))
        if rent and stays.places is not None:
            loss += rent * (stays.places[row] - (mask & ~stays.busy[row]).bit_count())
        return mask, _State(state.saved, loss, state.used)

    def _taken(self, row: int, mask: int, used: int) -> int:
        """The room that stays take at a row: those of busy models take none, as these are there in any case."""
        doubled = mask & self._stays.busy[row]
        return used - sum(self._stays.sizes[model] for model in bits(doubled)) if doubled else used

    def _fits(self, row: int, mask: int, used: int, *, loads: bool) -> bool:
        stays = self._stays
        idle = mask & ~stays.busy[row]
        if not idle:
            return True
        if self._keeping is not None:
            return not loads or self._keeping.admits(stays.model[row], mask)
        if stays.places is not None and idle.bit_count() > stays.places[row]:
            return False
        return self._taken(row, mask, used) <= stays.room[row]

    def _repaired(self, row: int, mask: int, state: _State, *, loads: bool) -> tuple[int, _State]:
        """Give up stays, those that end last first, until the row's model has room: a narrow pass must not die."""
        saved, loss, used = state
        for model in sorted(bits(mask & ~self._stays.busy[row]), key=lambda each: -self._end[each]):
            end, size, worth = self._end[model], self._stays.sizes[model], self._worth[model]
            mask ^= 1 << model
            used -= size
            saved -= worth
            # What was paid for the rows to come is free for others again.
            loss += worth - size * (self._to_room[end] - self._to_room[row])
            loss -= self._to_places[end] - self._to_places[row]
            if self._fits(row, mask, used, loads=loads):
                break
        return mask, _State(saved, loss, used)

    def _undominated(self, row: int, states: _States) -> _States:
        """Without those that the second and the third rule drop."""
        leaders = sorted(states.items(), key=_most_saved)[:_LEADERS]
        better = self._better(row, states)
        return {
            mask: state
            for mask, state in states.items()
            if not self._is_behind(mask, state.saved, leaders) and not _is_replaced(mask, state.saved, states, better)
        }

    def _is_behind(self, mask: int, saved: int, leaders: Sequence[tuple[int, _State]]) -> bool:
        """Whether a leader is ahead even without the stays that this state lacks."""
        for leader, ahead in leaders:
            lead = ahead.saved - saved
            if lead <= 0:
                return False
            if mask & ~leader & ~self._returning:
                continue
            if sum(self._worth[model] for model in bits(leader & ~mask)) < lead:
                return True
        return False

    def _better(self, row: int, states: _States) -> list[tuple[int, list[int]]]:
        """For each open stay those that take no more room and end sooner."""
        among = 0
        for mask in states:
            among |= mask
        ordered = sorted(bits(among), key=lambda each: self._end[each])
        # The stay of a busy model takes no room yet, and one in its place would.
        return [
            (1 << each, [1 << other for other in ordered[:place] if self._replaces(other, each)])
            for place, each in enumerate(ordered)
            if self._first[each] <= row + 1 and self._returning >> each & 1
        ]

    def _replaces(self, other: int, model: int) -> bool:
        if self._keeping is not None:
            return self._keeping.replaces(other, model)
        return self._stays.sizes[other] <= self._stays.sizes[model]


def rounding(prices: Prices) -> float:
    """How far sums of prices may be off."""
    return 1e-6 + _ROUNDING * prices.bound


def _is_replaced(mask: int, saved: int, states: _States, better: Sequence[tuple[int, list[int]]]) -> bool:
    """Whether a state that differs by one better stay has saved as much."""
    known = states.get
    for bit, others in better:
        if mask & bit:
            rest = mask ^ bit
            for other in others:
                if not rest & other:
                    rival = known(rest | other)
                    if rival is not None and rival.saved >= saved:
                        return True
    return False


def _least_loss(row: tuple[int, _State]) -> tuple[float, int]:
    return row[1].loss, row[0]


def _most_saved(row: tuple[int, _State]) -> tuple[int, int, int]:
    mask, state = row
    return -state.saved, state.used, mask
