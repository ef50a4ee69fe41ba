"""Where connections come in: the port of a served twin, which can be closed and opened again; the mock has none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from toolkit.host.faults.severing import Refuse

if TYPE_CHECKING:
    from toolkit.host.clock import Clock
    from toolkit.host.faults.plan import FaultPlan

Listen: TypeAlias = Callable[[], Coroutine[Any, Any, asyncio.Server]]
_NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class MockDoors:
    """No port: whether a request is refused is decided when it comes."""

    clock: Clock
    _shut_until_ns: int = 0

    def shut_for(self, duration_ns: int) -> None:
        """See `Doors`."""
        self._shut_until_ns = max(self._shut_until_ns, self.clock.now_ns() + duration_ns)

    def is_shut(self) -> bool:
        """See `Doors`."""
        return self.clock.now_ns() < self._shut_until_ns


@dataclass(slots=True)
class PortDoors:
    """The port of a server. While it is shut nobody listens there, and the system refuses connections."""

    plan: FaultPlan
    _listen: Listen | None = None
    _server: asyncio.Server | None = None
    _shut: int = 0
    _timers: set[asyncio.TimerHandle] = field(default_factory=set)
    _opening: asyncio.Task[None] | None = None

    def attach(self, server: asyncio.Server, listen: Listen) -> None:
        """The server has started; windows of the plan in which nobody listens count from now."""
        self._server, self._listen = server, listen
        for fault in self.plan.faults:
            if isinstance(fault, Refuse) and fault.is_window:
                before_ns = fault.when.before_ns
                self._later(fault.when.after_ns, None if before_ns is None else before_ns - fault.when.after_ns)

    def is_shut(self) -> bool:
        """See `Doors`: here the port itself refuses."""
        return False

    def shut_for(self, duration_ns: int | None) -> None:
        """See `Doors`; None is for good."""
        self._shut += 1
        if self._server is not None:
            self._server.close()
            self._server = None
        if duration_ns is not None:
            self._timers.add(asyncio.get_running_loop().call_later(duration_ns / _NS_PER_S, self._open))

    def close(self) -> None:
        """The server ends."""
        self._listen = None
        for timer in self._timers:
            timer.cancel()
        if self._server is not None:
            self._server.close()

    def _later(self, delay_ns: int, duration_ns: int | None) -> None:
        if delay_ns == 0:
            self.shut_for(duration_ns)
        else:
            loop = asyncio.get_running_loop()
            self._timers.add(loop.call_later(delay_ns / _NS_PER_S, self.shut_for, duration_ns))

    def _open(self) -> None:
        self._shut -= 1
        if self._shut == 0:
            self._opening = asyncio.ensure_future(self._listen_again())

    async def _listen_again(self) -> None:
        if self._listen is not None:
            self._server = await self._listen()
