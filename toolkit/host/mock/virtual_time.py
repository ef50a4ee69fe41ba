"""An event loop whose clock stands still until somebody waits for it, and then jumps to the next thing that happens.

A load of 20 s takes no wall time, and a keep_alive of 30 m does not run out between two lines of a test. Time passes

* while a client waits for the twin and nothing can happen now: then the clock jumps to the next timer;
* when it is told to (`Advance`), up to that moment and not a nanosecond further.

Everything here runs in the loop's own thread. Who waits is known to a `Waiters` (see `crowd`).
"""

from __future__ import annotations

import asyncio
import math
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

NS_PER_S = 1_000_000_000

_MOST_MOMENTS = 4096


class Waiters(Protocol):
    """Who waits for the twin."""

    def may_pass(self) -> bool:
        """Whether somebody waits and everybody else has had the chance to act at this instant."""

    def pause_s(self) -> float | None:
        """How long, in real time, to wait for those who still act; None if nobody does."""

    def give_up_pause(self) -> None:
        """They took too long."""

    def patience_s(self) -> float | None:
        """How long, in real time, those who wait may wait although nothing is left to happen; None if nobody waits."""

    def fail_all(self) -> None:
        """Nothing will ever happen again: tell those who wait."""


@dataclass(slots=True)
class Advance:
    """An order to let time pass up to `until_ns`; `done` is called there, after everything due by then."""

    until_ns: int
    done: Callable[[], None]


@dataclass(slots=True)
class VirtualTime:
    """The clock of a virtual loop. `now_ns` counts from 0 and never goes back."""

    waiters: Waiters
    now_ns: int = 0
    _advances: list[Advance] = field(default_factory=list)

    def advance(self, order: Advance) -> None:
        """Carry out an order; several may be under way."""
        self._advances.append(order)

    def pass_idle(self, timeout_s: float | None) -> bool:
        """The loop has nothing to do for so long (None: without end). True if the clock or an order moved."""
        due = [order for order in self._advances if order.until_ns <= self.now_ns]
        if due:
            self._advances = [order for order in self._advances if order.until_ns > self.now_ns]
            for order in due:
                order.done()
            return True
        next_ns = None if timeout_s is None else self._after(timeout_s)
        ends = [order.until_ns for order in self._advances]
        if ends:
            self.now_ns = min(ends) if next_ns is None else min(*ends, next_ns)
            return True
        if next_ns is None or not self.waiters.may_pass():
            return False
        self.now_ns = next_ns
        return True

    def _after(self, timeout_s: float) -> int:
        """The loop's timers are floats; their sum with the clock is exact to the nanosecond for a hundred days."""
        return max(self.now_ns + 1, round((self.now_ns / NS_PER_S + timeout_s) * NS_PER_S))


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of sleeping, ask the clock to jump; sleep only until another thread has something to say."""

    def __init__(self, clock: VirtualTime) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or (timeout is not None and timeout <= 0) or self._clock.pass_idle(timeout):
            return ready
        waiters = self._clock.waiters
        pause_s = waiters.pause_s()
        if pause_s is not None:
            ready = super().select(pause_s)
            if not ready:
                waiters.give_up_pause()
            return ready
        patience_s = waiters.patience_s()
        if timeout is None and patience_s is not None:
            ready = super().select(patience_s)
            if not ready:
                waiters.fail_all()
            return ready
        found: list[tuple[selectors.SelectorKey, int]] = super().select(None)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time. `call_soon_threadsafe` works from anywhere, as ever."""

    def __init__(self, clock: VirtualTime) -> None:
        self.clock = clock
        self._latest: dict[int, float] = {}
        """By nanosecond, the last moment within it that a timer was set for."""
        super().__init__(_JumpingSelector(clock))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.clock.now_ns / NS_PER_S

    def call_at(  # type: ignore[override]  # the base class's own signature is generic over the callback
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As ever, but timers of one nanosecond run in the order in which they were set.

        asyncio keeps them in a heap, which is not stable; each gets a moment of its own, far finer than a nanosecond.
        """
        if len(self._latest) > _MOST_MOMENTS:
            self._latest = {ns: moment for ns, moment in self._latest.items() if ns >= self.clock.now_ns}
        due_ns = round(when * NS_PER_S)
        latest = self._latest.get(due_ns)
        moment = when if latest is None else max(when, math.nextafter(latest, math.inf))
        self._latest[due_ns] = moment
        return super().call_at(moment, callback, *args, context=context)


@dataclass(frozen=True, slots=True)
class VirtualClock:
    """The twin's clock over a virtual loop; see `toolkit.host.clock.Clock`. `wall_start_ns` is the date at time 0."""

    time: VirtualTime
    wall_start_ns: int

    def now_ns(self) -> int:
        """Nanoseconds since the loop was made."""
        return self.time.now_ns

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self.wall_start_ns + self.time.now_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait in virtual time; 0 or less returns at once without giving way."""
        if duration_ns > 0:
            await asyncio.sleep(duration_ns / NS_PER_S)
