"""An event loop whose time stands still while anything is done, and jumps to the next timer when nothing is left to do.

Client and server of a test live in one process and on one loop: what one writes, the other can read at once. So a
recorded story plays with its own pauses to the nanosecond, however slow or busy the machine is, and takes no longer
than the work in it.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRACE_S = 0.001
"""The system gets so long to pass bytes on, before nothing is left to do."""


class _Jumping(selectors.BaseSelector):
    """Waits for nobody: if no file is ready, time jumps by as much as the loop wanted to wait."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return self._real.select(timeout)
        ready = self._real.select(_GRACE_S)
        if not ready:
            self.now_s += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()


class JumpingLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jumping.now_s


class LoopClock:
    """The twin's clock (`toolkit.host.clock.Clock`) on such a loop; its dates begin in 2026."""

    def now_ns(self) -> int:
        """See `Clock`."""
        return round(asyncio.get_running_loop().time() * 1e9)

    def wall_ns(self) -> int:
        """See `Clock`."""
        return 1_780_000_000_000_000_000 + self.now_ns()

    async def sleep_ns(self, duration_ns: int) -> None:
        """See `Clock`."""
        if duration_ns > 0:
            await asyncio.sleep(duration_ns / 1e9)
