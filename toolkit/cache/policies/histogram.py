"""How long is each model worth keeping, and when is it worth bringing back? Its own idle times say it.

Source: M. Shahrad et al., "Serverless in the wild", USENIX ATC 2020, section 4: the hybrid histogram policy. For each
model a histogram of the gaps between its uses, in 240 bins up to `range`. Nobody comes before the 5th percentile of
them, so a model with a long one leaves at once and is brought back a tenth earlier than that (*pre-warming*); nobody is
waited for beyond the 99th, so a tenth later it goes (*keep-alive*). A histogram of few gaps, of gaps beyond the range,
or without a shape says nothing: then the model stays for the whole range. (The paper forecasts gaps beyond the range
by a time series; here they count as saying nothing.)

The paper's platform has room for everybody. A GPU has not: who leaves for a newcomer is up to the policy beneath, and
nobody leaves for a model that is merely expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.cache.policies.idle_times import IdleTimes, Reading, Windows
from toolkit.cache.policies.leasts import Leasts

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.cache.policies.base import Item, Policy

BINS: Final = 240
FEWEST: Final = 5
"""Gaps of a model before its histogram is believed."""


def reading(range_ns: int, head: float, tail: float) -> Reading:
    """How a histogram that reaches up to `range_ns` is read; see the module."""
    return Reading(max(1, range_ns // BINS), BINS, head, tail, FEWEST)


class Histogram:
    """See the module. Times are of uses: while a model answers it is not idle yet, so windows err on the long side."""

    __slots__ = ("_beneath", "_ends", "_gaps", "_last_ns", "_range", "_reading", "_returns", "_windows")

    def __init__(self, reading: Reading, beneath: Policy) -> None:
        self._reading = reading
        self._beneath = beneath
        self._range = Windows(0, reading.range_ns)
        self._gaps: dict[str, IdleTimes] = {}
        self._windows: dict[str, Windows] = {}
        self._last_ns: dict[str, int] = {}
        self._ends: Leasts[int] = Leasts()  # of resident models
        self._returns: Leasts[int] = Leasts()

    def windows(self, name: str) -> Windows:
        """What is believed of a model now."""
        return self._windows.get(name, self._range)

    def keep_alive_ns(self, name: str) -> int:
        """See `Keeping`."""
        return self.windows(name).until_ns

    def expired(self, now_ns: int, busy: Container[str]) -> tuple[str, ...]:
        """See `Expiring`."""
        over, busy_still = [], []
        while (first := self._ends.first()) is not None and first[0] <= now_ns:
            name = first[1]
            self._ends.drop(name)
            if name in busy:
                busy_still.append(first)
                continue
            over.append(name)
            self._beneath.gone(name)
        for end_ns, name in busy_still:
            self._ends.put(name, end_ns)
        return tuple(over)

    def returns_ns(self) -> int | None:
        """See `Foreseeing`."""
        first = self._returns.first()
        return None if first is None else first[0]

    def returning(self, now_ns: int) -> str | None:
        """See `Foreseeing`."""
        while (first := self._returns.first()) is not None and first[0] <= now_ns:
            name = first[1]
            self._returns.drop(name)
            if now_ns < self._last_ns[name] + self.windows(name).until_ns:
                return name
        return None

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._used(item.name, now_ns)
        self._stays(item.name, now_ns)
        self._beneath.hit(item, position, now_ns)

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`."""
        self._used(item.name, now_ns)
        self._beneath.missed(item, position, now_ns)

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        """See `Policy`."""
        name = self._beneath.victim(wanted, busy)
        if name is not None:
            self._ends.drop(name)
        return name

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """See `Policy`; also told of a model that was brought back."""
        self._stays(item.name, now_ns)
        self._beneath.loaded(item, position, now_ns)

    def gone(self, name: str) -> None:
        """See `Policy`."""
        if self._ends.drop(name):
            self._beneath.gone(name)

    def _used(self, name: str, now_ns: int) -> None:
        last_ns = self._last_ns.get(name)
        self._last_ns[name] = now_ns
        if last_ns is not None:
            gaps = self._gaps.get(name)
            if gaps is None:
                gaps = self._gaps[name] = IdleTimes(self._reading)
            gaps.add(now_ns - last_ns)
            self._windows[name] = gaps.windows() or self._range
        windows = self.windows(name)
        if windows.from_ns:
            self._returns.put(name, now_ns + windows.from_ns)
        else:
            self._returns.drop(name)

    def _stays(self, name: str, now_ns: int) -> None:
        """A model that was just used and is not expected for long goes at once; else it stays to the end."""
        windows, last_ns = self.windows(name), self._last_ns[name]
        early = windows.from_ns > 0 and now_ns < last_ns + windows.from_ns
        self._ends.put(name, now_ns if early else last_ns + windows.until_ns)
