"""The places of a runner, and what a request does while it holds one: waiting, reading, writing.

A place remembers the tokens of its last request; what a new prompt shares with them from the start need not be read
again. Of the free places the one that shares most is taken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.host import timing
from toolkit.host.app.engine import BROKE_OFF, STOPPED, RunnerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.host.clock import Clock
    from toolkit.host.scheduler import Runner
    from toolkit.host.timing import HostSpeeds, ModelCost

GIVE_WAY_EVERY = 16
"""A request whose pauses last no time lets others run after so many."""


@dataclass(slots=True)
class Place:
    """One place; `tokens` is what its cache holds."""

    tokens: Sequence[int] = ()


@dataclass(slots=True)
class Slots:
    """The places of one runner; first come, first served. `active` counts those who have a turn."""

    places: int
    active: int = 0
    free: list[Place] = field(default_factory=list)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.free = [Place() for _ in range(self.places)]

    async def enter(self) -> None:
        """Wait for one's turn; give it up with `leave`."""
        if self.active < self.places:
            self.active += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self.waiting.remove(turn)
            else:
                self.leave(None)  # the turn had come in the same instant
            raise

    def take(self, tokens: Sequence[int]) -> Place:
        """The free place that shares most with a prompt."""
        best = self.free[0] if len(self.free) == 1 else max(self.free, key=lambda p: shared_prefix(p.tokens, tokens))
        self.free.remove(best)
        return best

    def leave(self, place: Place | None) -> None:
        """Give up a turn, and the place if one was taken; the longest waiting request is next."""
        if place is not None:
            self.free.append(place)
        for turn in self.waiting:
            if not turn.done():
                turn.set_result(None)
                self.waiting.remove(turn)
                return
        self.active -= 1


def shared_prefix(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many tokens two sequences have in common from the start."""
    longest = min(len(held), len(wanted))
    if held[:longest] == wanted[:longest]:
        return longest
    low, high = 0, longest  # the first `low` are equal, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        if held[low:middle] == wanted[low:middle]:
            low = middle
        else:
            high = middle
    return low


@dataclass(slots=True)
class Pace:
    """Lets invented durations pass: each one counts from the end of the last, so that delays do not add up."""

    clock: Clock
    scale: float
    _due_ns: int = -1
    _steps: int = 0

    def restart(self) -> None:
        """Count from now on: something else has taken its time."""
        self._due_ns = -1

    async def pass_ns(self, duration_ns: int) -> None:
        """Wait for a duration, times the scale."""
        now_ns = self.clock.now_ns()
        if self._due_ns < 0:
            self._due_ns = now_ns
        self._due_ns += round(duration_ns * self.scale)
        self._steps += 1
        if self._due_ns > now_ns:
            await self.clock.sleep_ns(self._due_ns - now_ns)
        elif self._steps % GIVE_WAY_EVERY == 0:
            await asyncio.sleep(0)


@dataclass(slots=True)
class HostLease:
    """A runner in the hand of one request; see `toolkit.host.app.engine.Lease`."""

    runner: Runner
    slots: Slots
    cost: ModelCost
    speeds: HostSpeeds
    pace: Pace
    spread: float
    """Factor on the durations of this request."""
    load_ns: int
    num_ctx: int
    context_shift: bool
    give_back: Callable[[], None]
    _place: Place | None = None
    _entered: bool = False
    _writing: bool = False
    _over: bool = False

    @property
    def device_share(self) -> float:
        """The part of the model that is on GPUs."""
        report = self.runner.report
        return report.vram_bytes / report.total_bytes if report.total_bytes else 0.0

    async def enter(self) -> int:
        """Wait for a place of the runner; returns how long that took, as if nothing was scaled."""
        started_ns = self.pace.clock.now_ns()
        self._check()
        await self.slots.enter()
        self._entered = True
        self._check()
        self.pace.restart()
        waited_ns = self.pace.clock.now_ns() - started_ns
        return round(waited_ns / self.pace.scale) if self.pace.scale else waited_ns

    def read_ns(self, tokens: Sequence[int]) -> int:
        """See `Lease`; the last token of a prompt is always read."""
        if self._place is None:
            self._place = self.slots.take(tokens)
        new = max(len(tokens) - shared_prefix(self._place.tokens, tokens), 1)
        return round(timing.prefill_ns(self.cost, self.speeds, new, self.device_share) * self.spread)

    def write_ns(self, context_tokens: int) -> int:
        """See `Lease`."""
        self._writing = True
        duration_ns = timing.decode_ns(
            self.cost,
            self.speeds,
            tokens=1,
            context_tokens=context_tokens,
            device_share=self.device_share,
            busy_slots=self.slots.active,
        )
        return round(duration_ns * self.spread)

    def wrote(self, tokens: Sequence[int]) -> None:
        """See `Lease`."""
        if self._place is not None:
            self._place.tokens = tokens

    async def pause(self, duration_ns: int) -> None:
        """See `Lease`. Raises RunnerDiedError."""
        self._check()
        await self.pace.pass_ns(duration_ns)
        self._check()

    def _check(self) -> None:
        if not self.runner.alive:
            raise RunnerDiedError(BROKE_OFF if self._writing else STOPPED)

    def release(self) -> None:
        """Give the place and the runner back; a second call does nothing."""
        if self._over:
            return
        self._over = True
        if self._entered:
            self.slots.leave(self._place)
        self.give_back()
