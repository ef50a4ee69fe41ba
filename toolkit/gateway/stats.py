"""What `/api/llm/stats` says: counts since the start and over the last minute, five minutes and hour. Pure.

Nothing is kept of single requests but of the latest few. A window is 60 slots of time, each with its sums, and the sum
of all of them: a request is added to a few sums, a slot that becomes too old is subtracted once, and an answer costs
the same after a million requests as after ten. So a window reaches back between 59 and 60 of its slots.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.totals import NS_PER_S, Served, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOWS: Final = (("1m", 60), ("5m", 300), ("1h", 3600))
SLOTS: Final = 60
LATEST: Final = 500
"""So many of the latest requests are kept, with figures of their own."""


class Window:
    """The sums over the last so many nanoseconds. Times do not go back."""

    def __init__(self, span_ns: int) -> None:
        self._slot_ns = span_ns // SLOTS
        self._slots: deque[tuple[int, Totals]] = deque()  # those in which there was anything, by number
        self._sum = Totals()

    def add(self, request: Served) -> None:
        """A request is over, at its `at_ns`."""
        number = self._move(request.at_ns)
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, Totals()))
        self._slots[-1][1].add(request)
        self._sum.add(request)

    def as_json(self, now_ns: int) -> dict[str, Any]:
        """The sums now."""
        self._move(now_ns)
        return self._sum.as_json()

    def _move(self, now_ns: int) -> int:
        """Drop what has become too old; the number of the slot that it is now."""
        number = now_ns // self._slot_ns
        while self._slots and self._slots[0][0] <= number - SLOTS:
            self._sum.subtract(self._slots.popleft()[1])
        return number


class Latest:
    """The sums over the latest requests, however old they are, and these themselves."""

    def __init__(self, most: int = LATEST) -> None:
        self._most = most
        self._requests: deque[Served] = deque()
        self._sum = Totals()

    def add(self, request: Served) -> None:
        """One more; the oldest goes if there are too many."""
        self._requests.append(request)
        self._sum.add(request)
        if len(self._requests) > self._most:
            oldest = Totals()
            oldest.add(self._requests.popleft())
            self._sum.subtract(oldest)

    def as_json(self) -> dict[str, Any]:
        """The sums."""
        return self._sum.as_json()

    def newest_first(self) -> Iterable[Served]:
        """The requests."""
        return reversed(self._requests)


class GatewayStats:
    """The counts of one gateway. `began_ns` is its start; all times are of one clock that does not go back."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._all = Totals()
        self._windows = {name: Window(seconds * NS_PER_S) for name, seconds in WINDOWS}
        self._refused: Counter[str] = Counter()
        self.latest = Latest()

    def ended(self, request: Served) -> None:
        """A request is over."""
        self._all.add(request)
        self.latest.add(request)
        for window in self._windows.values():
            window.add(request)

    def refused(self, label: str) -> None:
        """A request was refused before anybody looked at what it asks of a model."""
        self._refused[label] += 1

    def since_start(self, now_ns: int, queue: dict[str, Any]) -> dict[str, Any]:
        """The counts since the start; `queue` is what the hosts' queues say of themselves."""
        whole = self._all.as_json()
        errors = Counter(whole["errors"]) + self._refused
        uptime_s = (now_ns - self._began_ns) / NS_PER_S
        return {"uptime_s": uptime_s, **whole, "errors": dict(errors.most_common()), "queue": queue}

    def as_json(self, now_ns: int, queue: dict[str, Any]) -> dict[str, Any]:
        """The whole answer: the counts since the start, and those of the windows."""
        windows = {name: window.as_json(now_ns) for name, window in self._windows.items()}
        return {**self.since_start(now_ns, queue), "windows": windows}
