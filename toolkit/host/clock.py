"""The twin's clock: real time here, virtual time in tests and in the mock."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Reads the time and waits. All values are integer nanoseconds."""

    def now_ns(self) -> int:
        """A clock that never goes back; its zero means nothing."""

    def wall_ns(self) -> int:
        """Time since 1970, for dates in answers."""

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait; 0 or less returns at once without giving way."""


class RealClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """See `Clock`."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """See `Clock`."""
        return time.time_ns()

    async def sleep_ns(self, duration_ns: int) -> None:
        """See `Clock`."""
        if duration_ns > 0:
            await asyncio.sleep(duration_ns / 1_000_000_000)
