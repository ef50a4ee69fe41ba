"""What `/api/llm/stats` says: counts since the start and over the last minute, five minutes and hour. Pure.

Nothing is kept of single requests but of the latest few. A request is added to the sums of its second; these go into
all others when the second is over, or when somebody asks. A window is 60 slots of time, each with its sums, and the sum
of all of them, from which a slot that becomes too old is subtracted once: an answer costs the same after a million
requests as after ten. So a window reaches back between 59 and 60 of its slots.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.tally import Packed, Tally
from toolkit.gateway.totals import NS_PER_S, Figures, Served

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOWS: Final = (("1m", 60), ("5m", 300), ("1h", 3600))
SLOTS: Final = 60
LATEST: Final = 500
"""So many of the latest requests are kept, with figures of their own."""


class Window:
    """The sums over the last so many seconds. Times do not go back."""

    def __init__(self, span_s: int) -> None:
        self._slot_s = span_s // SLOTS
        self._slots: deque[tuple[int, Packed]] = deque()  # those in which there was anything, by number
        self._open = Tally()  # the slot that it is now
        self._number = 0
        self.sum = Tally()

    def add(self, second: int, sums: Packed) -> None:
        """The sums of one second, or of a part of it."""
        self.move(second)
        self._open.add(sums)
        self.sum.add(sums)

    def move(self, second: int) -> None:
        """It is this second now: drop what has become too old."""
        number = second // self._slot_s
        if number != self._number:
            if self._open:
                self._slots.append((self._number, self._open.packed()))
                self._open = Tally()
            self._number = number
            while self._slots and self._slots[0][0] <= number - SLOTS:
                self.sum.subtract(self._slots.popleft()[1])


class Latest:
    """The sums over the latest requests, however old they are, and these themselves.

    Summed when somebody asks, from what has come and gone since the last time: mostly nobody looks.
    """

    def __init__(self, most: int = LATEST, figures: Figures | None = None) -> None:
        self._most = most
        self._figures = figures or Figures()
        self._requests: deque[Served] = deque()
        self._new = 0  # so many of them are not in the sum yet
        self._gone: list[Served] = []  # and these still are, at most as many as are kept
        self._sum = Tally()

    def add(self, request: Served) -> None:
        """One more; the oldest goes if there are too many."""
        self._requests.append(request)
        self._new += 1
        if len(self._requests) > self._most:
            oldest = self._requests.popleft()
            if self._new > self._most:
                self._new = self._most
            else:
                self._gone.append(oldest)

    def as_json(self) -> dict[str, Any]:
        """The sums."""
        for request in islice(reversed(self._requests), self._new):
            self._sum.add(self._figures.of(request))
        for request in self._gone:
            self._sum.subtract(self._figures.of(request))
        self._new = 0
        self._gone.clear()
        return self._figures.as_json(self._sum)

    def newest_first(self) -> Iterable[Served]:
        """The requests."""
        return reversed(self._requests)


class GatewayStats:
    """The counts of one gateway. `began_ns` is its start; all times are of one clock that does not go back."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._figures = Figures()
        self._second = began_ns // NS_PER_S
        self._this_second = Tally()
        self._all = Tally()
        self._windows = {name: Window(seconds) for name, seconds in WINDOWS}
        self.latest = Latest(figures=self._figures)

    def ended(self, request: Served) -> None:
        """A request is over."""
        self._it_is(request.at_ns)
        self._this_second.add(self._figures.of(request))
        self.latest.add(request)

    def refused(self, label: str, at_ns: int) -> None:
        """A request was refused before it came to a model: it is counted with the errors, and nowhere else."""
        self._it_is(at_ns)
        self._this_second.add(self._figures.of_refusal(label))

    def since_start(self, now_ns: int, queue: dict[str, Any]) -> dict[str, Any]:
        """The counts since the start; `queue` is what the hosts' queues say of themselves."""
        self._settle()
        uptime_s = (now_ns - self._began_ns) / NS_PER_S
        return {"uptime_s": uptime_s, **self._figures.as_json(self._all), "queue": queue}

    def as_json(self, now_ns: int, queue: dict[str, Any]) -> dict[str, Any]:
        """The whole answer: the counts since the start, and those of the windows."""
        whole, windows = self.since_start(now_ns, queue), {}
        for name, window in self._windows.items():
            window.move(now_ns // NS_PER_S)
            windows[name] = self._figures.as_json(window.sum)
        return {**whole, "windows": windows}

    def _it_is(self, now_ns: int) -> None:
        """What was counted in another second belongs to that."""
        second = now_ns // NS_PER_S
        if second != self._second:
            self._settle()
            self._second = second

    def _settle(self) -> None:
        """Put what came in this second into all sums."""
        if self._this_second:
            sums = self._this_second.packed()
            self._this_second = Tally()
            self._all.add(sums)
            for window in self._windows.values():
                window.add(self._second, sums)
