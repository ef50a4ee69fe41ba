"""A queue on the client's side, before the host: who may be sent now? Pure; one for both clocks.

A discipline chooses the order (`toolkit.cache.disciplines`). Sent is whoever it chooses, if nothing else is under way;
beside others only a request whose model is in memory while no load is under way, and at most `parallel` for one model.
Whoever is chosen and may not go yet holds up all behind him: the discipline's order is kept. With `alone` one request
is under way at a time, whatever is in memory: then the disciplines' promises are exact, else they are kept as far as
answers side by side take no longer than one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cache.disciplines.base import Waiting

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Discipline


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A request that was sent, when, and whether its model was in memory then."""

    request: Waiting
    sent_ns: int
    was_resident: bool


class Turns:
    """See the module. Tickets are the requests' ids; times are the run's, in nanoseconds, and do not go back."""

    def __init__(self, discipline: Discipline, *, alone: bool = False, parallel: int = 1) -> None:
        self._discipline = discipline
        self._alone = alone
        self._parallel = parallel
        self._arrivals = 0
        self._waiting: dict[int, str] = {}  # number → ticket
        self._numbers: dict[str, int] = {}  # ticket → number, until it is over
        self._under_way: dict[str, _UnderWay] = {}
        self._held: Waiting | None = None
        self._used: dict[str, int] = {}  # model → number of its last sending
        self._sent = 0

    def arrived(self, ticket: str, model: str, now_ns: int) -> None:
        """One more waits."""
        self._waiting[self._arrivals] = ticket
        self._numbers[ticket] = self._arrivals
        self._discipline.arrived(Waiting(self._arrivals, model, now_ns))
        self._arrivals += 1

    def admit(self, now_ns: int, loaded: Collection[str]) -> str | None:
        """The ticket that goes now; None if nobody waits or may go. To be asked until it says None."""
        if self._alone and self._under_way:
            return None
        if self._held is None:
            if any(not sent.was_resident for sent in self._under_way.values()):
                return None
            resident = sorted(loaded, key=lambda name: (self._used.get(name, -1), name))
            self._held = self._discipline.next(now_ns, resident)
        chosen = self._held
        if chosen is None or not self._may_go(chosen, loaded):
            return None
        self._held = None
        ticket = self._waiting.pop(chosen.number)
        self._under_way[ticket] = _UnderWay(chosen, now_ns, chosen.model in loaded)
        self._used[chosen.model] = self._sent
        self._sent += 1
        return ticket

    def ended(self, ticket: str, now_ns: int, service_ns: int | None) -> None:
        """A request that was sent is over. `service_ns`: what it took once its model was there; None: not known."""
        sent = self._under_way.pop(ticket)
        del self._numbers[ticket]
        self._discipline.done(sent.request, now_ns - sent.sent_ns if service_ns is None else service_ns)

    def left(self, ticket: str) -> None:
        """A request that waits has gone away; one that was sent, or is over, is not waited for."""
        number = self._numbers.get(ticket)
        if number is None or ticket in self._under_way:
            return
        del self._numbers[ticket], self._waiting[number]
        if self._held is not None and self._held.number == number:
            self._discipline.done(self._held, 0)
            self._held = None
        else:
            self._discipline.left(number)

    def _may_go(self, chosen: Waiting, loaded: Collection[str]) -> bool:
        if not self._under_way:
            return True
        if chosen.model not in loaded or any(not sent.was_resident for sent in self._under_way.values()):
            return False
        same = sum(sent.request.model == chosen.model for sent in self._under_way.values())
        return same < self._parallel
