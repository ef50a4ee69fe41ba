"""The thread in which a mocked twin lives, with its event loop on virtual or real time.

Clients of any thread and any loop talk to it by `call`; it never calls into theirs except by `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

from toolkit.host.mock.errors import MockEndedError
from toolkit.host.mock.virtual_time import Advance, VirtualLoop, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

T = TypeVar("T")
NS_PER_S = 1_000_000_000
_REAL_PASSES = 20
"""How often the loop goes round in real time before it is asked something: ends of requests are handled by then."""


class TwinThread:
    """One loop in one daemon thread, from construction to `close`. `time` is None for real time."""

    def __init__(self, time: VirtualTime | None) -> None:
        self.time = time
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop() if time is None else VirtualLoop(time)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._serve, name="hotswap-mock", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self.loop.is_closed()

    def call(self, action: Callable[..., object], *arguments: object) -> None:
        """Have something done on the twin's thread, after everything that was asked for before.

        Raises:
            MockEndedError: the thread has ended.
        """
        try:
            self.loop.call_soon_threadsafe(action, *arguments)
        except RuntimeError:
            raise MockEndedError(
                "this host's mock has ended; finish or close every request before the end of its `with` block"
            ) from None

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task on the twin's thread, called there; kept until it ends (a loop alone holds tasks weakly)."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def when_quiet(self, action: Callable[[], None]) -> None:
        """Do something when everything that can happen at this instant has happened; in real time now.

        For the twin's thread. Several actions are done in the order in which they were asked for.
        """
        if self.time is None:
            action()
        else:
            self.time.advance(Advance(self.time.now_ns, action))

    def ask(self, question: Callable[[], T]) -> T:
        """Ask something on the twin's thread, when everything that can happen at this instant has happened."""
        return self.run(self._quiet_then(question))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it; in virtual time it must not wait for time to pass."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the twin's thread cannot wait for itself: ask from a test, not from a callback")
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def pass_time(self, duration_ns: int) -> None:
        """Let time pass on the twin, whoever waits; with 0 only what can happen at this instant."""
        if self.time is None:
            for _ in range(_REAL_PASSES):
                await asyncio.sleep(0)
            await asyncio.sleep(duration_ns / NS_PER_S)
            return
        arrived = asyncio.get_running_loop().create_future()
        self.time.advance(Advance(self.time.now_ns + duration_ns, lambda: arrived.set_result(None)))
        await arrived

    async def _quiet_then(self, question: Callable[[], T]) -> T:
        await self.pass_time(0)
        return question()

    def close(self) -> None:
        """Cancel what still runs and end the thread. Can be called again."""
        if self.closed:
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()


async def _cancel_all() -> None:
    """Tasks may start others while they end, so look again until none is left."""
    while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
