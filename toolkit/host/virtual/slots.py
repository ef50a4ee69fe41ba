"""Places inside runners: each answers so many requests at once, and others wait in it, first come first served."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.host.scheduler import Runner
    from toolkit.host.virtual.records import Ticket


class _Line:
    """One runner's places, and who waits for one."""

    __slots__ = ("active", "places", "waiting")

    def __init__(self, places: int) -> None:
        self.places = places
        self.active = 0
        self.waiting: deque[Ticket] = deque()


class Slots:
    """The places of all runners of a host."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[Runner, _Line] = {}

    def enter(self, ticket: Ticket, runner: Runner) -> int | None:
        """How many requests of the runner are at work, this one included; None: it waits for a place."""
        line = self._lines.get(runner)
        if line is None:
            line = self._lines[runner] = _Line(runner.launch.num_parallel)
        if line.active < line.places:
            line.active += 1
            ticket.in_slot = True
            return line.active
        line.waiting.append(ticket)
        return None

    def leave(self, runner: Runner) -> tuple[Ticket, int] | None:
        """A place is free: the longest waiting request gets it, and so many are at work then. None: nobody waits."""
        line = self._lines[runner]
        if not line.waiting:
            line.active -= 1
            return None
        heir = line.waiting.popleft()
        heir.in_slot = True
        return heir, line.active

    def give_up(self, ticket: Ticket, runner: Runner) -> None:
        """A waiting request waits no more."""
        self._lines[runner].waiting.remove(ticket)

    def forget(self, runner: Runner) -> None:
        """The runner's process is gone."""
        self._lines.pop(runner, None)
