"""The model whose next use is expected last leaves; expectations come from each model's own gaps between uses.

Source of the idea: M. Shahrad et al., "Serverless in the wild", USENIX ATC 2020: a histogram of idle times for each
function says how long it is worth keeping. Here the histogram (gaps in requests, on a scale of powers of two, old gaps
fading) answers another question: given that a model has been idle for so long, how likely is a use within the next
`horizon` requests? The least likely one leaves, of equals the least recently used.

The order changes with each request, as everybody else's time passes, so no heap of ranks can hold it. But a likelihood
moves slowly: until the idle time or its horizon enters the next bin it is bounded from below (`promise`), and only
those near the bottom are looked at (`toolkit.cache.policies.promises`).
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from toolkit.cache.policies.promises import Promise, Promises

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from toolkit.cache.policies.base import Item

_BINS: Final = 24
_FADE: Final = 0.98
"""What is left of a count when one more gap of the same model has been seen."""
_PRIOR: Final = 2.0
"""Gaps that a model without a history borrows from all models together."""
_HEAVIEST: Final = 1e100
_STEADY: Final = 32
"""A promise holds until all gaps, or those that are longer than the idle time, are more by this part of them."""
_PIECES: Final = 12
_CLOSE: Final = 0.9
"""A promise is made for longer as long as it is worth so much of what it is worth for a short time,"""
_HIGH: Final = 3.0
"""or is so many times the likelihood of the last victim."""
_ROUNDING: Final = 1e-12
"""Far above the rounding of a likelihood, far below any difference that matters."""


class _Gaps:
    """A fading histogram of gaps; bin b holds gaps of 2^b to 2^(b+1) - 1 requests.

    Instead of shrinking all counts with each gap, the weight of a new one grows: O(1) a gap.
    """

    __slots__ = ("_counts", "_fade", "_sum", "_tails", "_weight")

    def __init__(self, fade: float) -> None:
        self._fade = fade
        self._counts = [0.0] * _BINS
        self._sum = 0.0
        self._weight = 1.0
        self._tails: dict[int, float] = {}  # of some bins: what is in all later ones

    @property
    def sum(self) -> float:
        """The weight of all gaps."""
        return self._sum

    @property
    def total(self) -> float:
        """How many gaps it holds, those that faded as parts of one."""
        return self._sum / self._weight

    def add(self, gap: int) -> None:
        """Count one gap, after all earlier ones have faded."""
        self._weight /= self._fade
        if self._weight > _HEAVIEST:
            self._counts = [count / self._weight for count in self._counts]
            self._sum /= self._weight
            self._weight = 1.0
        self._counts[min(max(gap, 1).bit_length() - 1, _BINS - 1)] += self._weight
        self._sum += self._weight
        self._tails.clear()

    def from_each_bin(self) -> list[float]:
        """For each bin, and for one beyond, the weight of the gaps in it and in all later ones."""
        return [*accumulate(reversed(self._counts), initial=0.0)][::-1]

    def above(self, gap: int) -> float:
        """The share of gaps longer than this (at least 1), gaps within a bin spread evenly; 0 without any."""
        whole = gap.bit_length() - 1
        if whole >= _BINS or not self._sum:
            return 0.0
        tail = self._tails.get(whole)
        if tail is None:
            tail = self._tails[whole] = sum(self._counts[whole + 1 :])
        start = 1 << whole
        return (self._counts[whole] * (1 - (gap - start) / start) + tail) / self._sum


class _Levels:
    """How many gaps of at least a bin's length there may be before promises that count on no more do not hold."""

    __slots__ = ("_most", "_names")

    def __init__(self) -> None:
        self._most = [0.0] * (_BINS + 1)
        self._names: list[set[str]] = [set() for _ in self._most]

    def count_on(self, name: str, which: int) -> float:
        """A promise was made of there being so many at most in this bin and all later ones."""
        self._names[which].add(name)
        return self._most[which]

    def passed(self, many: Sequence[float]) -> Iterable[str]:
        """Who counted on less than there are now, once; some may have left meanwhile."""
        for which, now in enumerate(many):
            if now > self._most[which]:
                self._most[which] = now + 1 + now // _STEADY
                yield from self._names[which]
                self._names[which] = set()


class NextUse:
    """See the module; `horizon` is in requests."""

    __slots__ = ("_all", "_bottom", "_gaps", "_horizon", "_last", "_levels", "_longer", "_now", "_resident")

    def __init__(self, horizon: int = 12) -> None:
        self._horizon = horizon
        self._gaps: dict[str, _Gaps] = {}
        self._all = _Gaps(fade=1.0)
        self._last: dict[str, int] = {}
        self._resident = Promises()
        self._now = 0
        self._levels = _Levels()
        self._longer: list[float] = []  # of the gaps of all models, from each bin on
        self._bottom = 0.0  # the likelihood of the last victim

    def hit(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._used(item.name, position)
        self._resident.put(item.name)

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._used(item.name, position)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - by expectation
        """The least likely to be used soon."""
        least = self._resident.take_least(self._now, busy, self)
        if least is None:
            return None
        self._bottom = least.value[0]
        return least.name

    def loaded(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._resident.put(item.name)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._resident.drop(name)

    def value(self, name: str) -> tuple[float, int]:
        """See `Moving`."""
        return self.likelihood(name), self._last[name]

    def broken(self) -> Iterable[str]:
        """See `Moving`: those who counted on fewer long gaps than there are."""
        self._longer = self._all.from_each_bin()
        return self._levels.passed(self._longer)

    def promise(self, name: str) -> Promise:
        """See `Moving`: the least that ends within the horizon from now on by the most that is alive.

        Between two bounds of bins shares are straight lines, so their ends say it all. The model's own gaps do not
        change while it is idle. Of the gaps of all models each request adds at most one, and the promise is broken
        when too many of those have been longer than the idle time.
        """
        first, horizon, own, seen = self._now - self._last[name] + 1, self._horizon, self._gaps.get(name), self._all.sum
        alive = self._alive(own, first)
        idle, ends, latest = first, alive - self._alive(own, first + horizon), first + 1 + int(seen) // _STEADY
        which = min(first.bit_length() - 1, _BINS)
        alive += _PRIOR * (self._levels.count_on(name, which) - self._longer[which]) / max(seen, 1)
        kept = Promise(-1.0, self._now)
        for _ in range(_PIECES):
            idle = min(idle + min(_to_next_bin(idle), _to_next_bin(idle + horizon)), latest)
            ends = min(ends, self._alive(own, idle) - self._alive(own, idle + horizon))
            span = idle - first
            lower = ends / alive * seen / (seen + span) if alive else 0.0
            if lower < min(_CLOSE * kept.lower, _HIGH * self._bottom):
                break
            kept = Promise(lower * (1 - _ROUNDING) - _ROUNDING, self._now + span)
            if idle == latest:
                break
        return kept

    def _alive(self, own: _Gaps | None, gap: int) -> float:
        """Of all gaps that count for a model with these of its own, how many are longer."""
        longer = _PRIOR * self._all.above(gap)
        return longer if own is None else own.total * own.above(gap) + longer

    def likelihood(self, name: str) -> float:
        """The probability of a use within the horizon, given how long the model has been idle."""
        idle = self._now - self._last[name] + 1
        own = self._gaps.get(name)
        weight = own.total if own else 0.0
        alive = ends = 0.0
        for gaps, share in ((own, weight), (self._all, _PRIOR)):
            if gaps is not None:
                alive += share * gaps.above(idle)
                ends += share * gaps.above(idle + self._horizon)
        return 1 - ends / alive if alive else 0.0

    def _used(self, name: str, position: int) -> None:
        last = self._last.get(name)
        if last is not None:
            own = self._gaps.get(name)
            if own is None:
                own = self._gaps[name] = _Gaps(_FADE)
            own.add(position - last)
            self._all.add(position - last)
        self._last[name] = position
        self._now = position


def _to_next_bin(gap: int) -> int:
    """How far it is to the first gap of the next bin."""
    return (1 << gap.bit_length()) - gap
