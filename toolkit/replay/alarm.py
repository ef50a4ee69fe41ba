"""A wake-up at an exact moment. Event loops wake up on whole milliseconds only, which is coarse beside a first token.

On Linux this is a timer of the kernel (timerfd) that the loop watches as it watches a socket, good to some tens of
microseconds without any busy waiting; elsewhere it is the loop's own timer.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

NS_PER_S = 1_000_000_000
_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC, _ABSOLUTE = 1, 0o2004000, 1


class Alarm(Protocol):
    """Calls back once at the moment that was set last, never before it."""

    def set(self, at_ns: int) -> None:
        """Call back at this moment of `time.monotonic_ns`; at once if it has passed."""
        ...

    def close(self) -> None:
        """Never call back again."""
        ...


def alarm(loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> Alarm:
    """The best alarm that this system has."""
    if sys.platform == "linux":
        try:
            return KernelAlarm(loop, on_time)
        except (OSError, AttributeError):  # a C library or a sandbox without timerfd
            pass
    return LoopAlarm(loop, on_time)


class LoopAlarm:
    """On the loop's timer; late by up to a millisecond and a half."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> None:
        self._loop = loop
        self._on_time = on_time
        self._handle: asyncio.Handle | None = None
        self._at_ns = 0

    def set(self, at_ns: int) -> None:
        """See `Alarm.set`."""
        self.close()
        self._at_ns = at_ns
        left_ns = at_ns - time.monotonic_ns()
        self._handle = self._loop.call_later(max(0, left_ns) / NS_PER_S, self._ring)

    def close(self) -> None:
        """See `Alarm.close`."""
        if self._handle is not None:
            self._handle.cancel()

    def _ring(self) -> None:
        if time.monotonic_ns() < self._at_ns:  # the loop rounds to its own grain, also downwards
            self.set(self._at_ns)
        else:
            self._on_time()


class _Spec(ctypes.Structure):
    """`struct itimerspec`: interval and value, each in seconds and nanoseconds."""

    _fields_ = (("every_s", ctypes.c_long), ("every_ns", ctypes.c_long), ("s", ctypes.c_long), ("ns", ctypes.c_long))


class KernelAlarm:
    """On Linux's timerfd. Raises OSError or AttributeError where there is none."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._set_time = library.timerfd_settime
        self._loop = loop
        self._on_time = on_time
        self._fd = library.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _Spec()
        loop.add_reader(self._fd, self._ring)

    def set(self, at_ns: int) -> None:
        """See `Alarm.set`."""
        self._spec.s, self._spec.ns = divmod(max(at_ns, 1), NS_PER_S)  # 0 would disarm
        self._set_time(self._fd, _ABSOLUTE, ctypes.byref(self._spec), None)

    def close(self) -> None:
        """See `Alarm.close`."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # it was set anew meanwhile
            return
        self._on_time()
