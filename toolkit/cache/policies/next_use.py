"""The model whose next use is expected last leaves; expectations come from each model's own gaps between uses.

Source of the idea: M. Shahrad et al., "Serverless in the wild", USENIX ATC 2020: a histogram of idle times for each
function says how long it is worth keeping. Here the histogram (gaps in requests, on a scale of powers of two, old gaps
fading) answers another question: given that a model has been idle for so long, how likely is a use within the next
`horizon` requests? The least likely one leaves, of equals the least recently used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item

_BINS: Final = 24
_FADE: Final = 0.98
"""What is left of a count when one more gap of the same model has been seen."""
_PRIOR: Final = 2.0
"""Gaps that a model without a history borrows from all models together."""
_HEAVIEST: Final = 1e100


class _Gaps:
    """A fading histogram of gaps; bin b holds gaps of 2^b to 2^(b+1) - 1 requests.

    Instead of shrinking all counts with each gap, the weight of a new one grows: O(1) a gap.
    """

    __slots__ = ("_counts", "_fade", "_sum", "_weight")

    def __init__(self, fade: float) -> None:
        self._fade = fade
        self._counts = [0.0] * _BINS
        self._sum = 0.0
        self._weight = 1.0

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

    def above(self, gap: float) -> float:
        """The share of gaps longer than this, gaps within a bin spread evenly; 0 without any."""
        if not self._sum:
            return 0.0
        whole = max(int(gap), 1).bit_length() - 1
        if whole >= _BINS:
            return 0.0
        start = 1 << whole
        part = self._counts[whole] * (1 - min(max((gap - start) / start, 0.0), 1.0))
        return (part + sum(self._counts[whole + 1 :])) / self._sum


class NextUse:
    """See the module; `horizon` is in requests."""

    __slots__ = ("_all", "_gaps", "_horizon", "_last", "_now", "_resident")

    def __init__(self, horizon: int = 12) -> None:
        self._horizon = horizon
        self._gaps: dict[str, _Gaps] = {}
        self._all = _Gaps(fade=1.0)
        self._last: dict[str, int] = {}
        self._resident: set[str] = set()
        self._now = 0

    def hit(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._used(item.name, position)

    def missed(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._used(item.name, position)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:  # noqa: ARG002 - by expectation
        """The least likely to be used soon. Looks at every resident model: there are never many of them."""
        idle = [name for name in self._resident if name not in busy]
        if not idle:
            return None
        chosen = min(idle, key=lambda name: (self.likelihood(name), self._last[name]))
        self._resident.remove(chosen)
        return chosen

    def loaded(self, item: Item, position: int, now_ns: int) -> None:  # noqa: ARG002 - by position
        """See `Policy`."""
        self._resident.add(item.name)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        self._resident.discard(name)

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
