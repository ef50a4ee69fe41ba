"""Who waits for the twin, and whether virtual time may pass on their behalf.

Clients come in *parties*: all that run on one event loop are one, and every thread with a blocking client is one by
itself. When the twin has handed something to a party, it may want to act on it at that same instant (the next request
of a closed loop, a cancellation), so time stands still until the party has *settled*: its loop has gone round a few
times without touching the twin. That makes a test with many concurrent clients on one loop deterministic.

A party is seen from two sides. `Party` belongs to the twin's thread; `Settler` to the client's loop. All messages
between them go through `call_soon_threadsafe`, which keeps their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

SETTLE_PASSES = 12
"""How often a loop goes round before it counts as settled: every hand-over between tasks takes one or two."""
PAUSE_S = 1.0
"""Real time for which a party may act before time passes in spite of it (it computes, or its loop stands still)."""


@dataclass(slots=True, eq=False)
class Party:
    """Clients that share a thread of control; the twin's side."""

    waiting: int = 0
    delivered: int = 0
    """How often something was handed to it."""
    settled: bool = False
    blocked: int = 0
    """Blocking clients that wait inside of its loop, which stands still meanwhile: nothing else of it can act."""
    impatient: bool = False
    """It took longer to settle than anybody waits for."""

    def acted(self) -> None:
        """It did something with the twin, and may do more."""
        self.settled = self.impatient = False

    def deliver(self) -> None:
        """It is handed something, and may want to act on it."""
        self.delivered += 1
        self.acted()

    def report(self, received: int) -> None:
        """Its loop has come to rest after so many deliveries; others may be on their way to it."""
        self.settled = received == self.delivered

    def may_pass(self) -> bool:
        """Whether time may pass as far as this party is concerned."""
        return self.settled or self.blocked > 0 or self.impatient


@dataclass(slots=True)
class Crowd:
    """All parties. Implements `virtual_time.Waiters`; for the twin's thread only."""

    on_stuck: Callable[[], None]
    patience_when_stuck_s: float
    """Another thread may still do something."""
    _waiting: dict[Party, None] = field(default_factory=dict)

    def begin(self, party: Party) -> None:
        """One more of this party waits."""
        party.waiting += 1
        self._waiting[party] = None

    def end(self, party: Party) -> None:
        """One less."""
        party.waiting -= 1
        if party.waiting == 0:
            self._waiting.pop(party, None)

    def patience_s(self) -> float | None:
        """How long to wait when nothing is left to happen."""
        return self.patience_when_stuck_s if self._waiting else None

    def may_pass(self) -> bool:
        """Whether somebody waits, and all who wait have settled."""
        return bool(self._waiting) and all(party.may_pass() for party in self._waiting)

    def pause_s(self) -> float | None:
        """How long to wait for parties that still act."""
        return None if all(party.may_pass() for party in self._waiting) else PAUSE_S

    def give_up_pause(self) -> None:
        """Whoever has not settled by now is not waited for."""
        for party in self._waiting:
            party.impatient = not party.may_pass() or party.impatient

    def fail_all(self) -> None:
        """Nothing is left to happen."""
        self.on_stuck()


class Settler:
    """The client's side of a party on an event loop: notices when that loop has nothing more to do with the twin.

    `report` is told, on this loop's thread, how many deliveries had come when the loop came to rest.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, report: Callable[[int], None]) -> None:
        self._loop = loop
        self._report = report
        self._passes_left = 0
        self._scheduled = False
        self._received = 0

    def received(self) -> None:
        """A delivery has come; on the loop's thread."""
        self._received += 1
        self.touch()

    def touch(self) -> None:
        """The loop has had to do with the twin: count its passes anew. On the loop's thread."""
        self._passes_left = SETTLE_PASSES
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._pass)

    def _pass(self) -> None:
        self._passes_left -= 1
        if self._passes_left > 0:
            self._loop.call_soon(self._pass)
            return
        self._scheduled = False
        self._report(self._received)
