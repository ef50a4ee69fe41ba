"""The clock of a host whose wall clock is set while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.host.faults.conditions import ClockJump

if TYPE_CHECKING:
    from toolkit.host.clock import Clock
    from toolkit.host.faults.injector import Injector


@dataclass(slots=True)
class FaultyClock:
    """See `toolkit.host.clock.Clock`; the wall clock is off by the sum of the jumps in force."""

    true: Clock
    injector: Injector | None = field(default=None)
    """Set once it is known; it needs the true clock itself."""

    def now_ns(self) -> int:
        """A clock that never goes back, whatever happens to the other one."""
        return self.true.now_ns()

    def wall_ns(self) -> int:
        """Time since 1970, as the host believes it."""
        jumps = () if self.injector is None else self.injector.in_force(ClockJump)
        return self.true.wall_ns() + sum(jump.by_ns for jump in jumps if isinstance(jump, ClockJump))

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait."""
        await self.true.sleep_ns(duration_ns)
