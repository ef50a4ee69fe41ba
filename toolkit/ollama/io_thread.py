"""One event loop in a thread of its own, on which any thread and any other loop can have coroutines run.

An HTTP connection pool belongs to the loop that made it. Whoever wants to share one pool between threads and loops
lets all of its work be done here; the price is one hop between threads each way, some tens of microseconds.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class IoThread:
    """Starts with its first use, ends with `close`. Daemonic, so that a forgotten one cannot keep a program alive."""

    def __init__(self, name: str = "hotswap-io") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it here.

        If the wait is interrupted (Ctrl-C), the coroutine is cancelled and its clean-up waited for.

        Raises:
            RuntimeError: the thread is closed, or this is the thread itself, which would wait for ever.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the I/O thread cannot wait for itself: await the coroutine instead")
        job = self._start(work)
        try:
            return job.outcome.result()
        except BaseException:
            if not job.outcome.done():
                job.cancel()
                concurrent.futures.wait([job.outcome])
            raise

    async def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and await it from any loop.

        If the awaiting task is cancelled, so is the coroutine, and its clean-up is awaited.

        Raises:
            RuntimeError: the thread is closed.
        """
        if threading.current_thread() is self._thread:
            return await work
        job = self._start(work)
        try:
            return await asyncio.wrap_future(job.outcome)
        except asyncio.CancelledError:
            if not job.outcome.done():
                job.cancel()
                await asyncio.gather(asyncio.wrap_future(job.outcome), return_exceptions=True)
            raise

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancel whatever still runs, run `last`, and end the thread. Can be called again.

        Raises:
            RuntimeError: this is the thread itself.
        """
        if threading.current_thread() is self._thread:
            last.close()
            raise RuntimeError("the I/O thread cannot end itself: close it from another thread")
        with self._lock:
            loop, thread, was_closed = self._loop, self._thread, self._closed
            self._closed = True
        if loop is None or thread is None or was_closed:
            last.close()
            return
        try:
            asyncio.run_coroutine_threadsafe(_finish(last), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _start(self, work: Coroutine[Any, Any, T]) -> _Job[T]:
        with self._lock:
            if self._closed:
                work.close()
                raise RuntimeError("this client is closed; make a new one")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return _Job(work, self._loop)


class _Job(Generic[T]):
    """A coroutine under way on the loop. `outcome` is settled only when the coroutine has ended, also by `cancel`."""

    def __init__(self, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self.outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.outcome.set_running_or_notify_cancel()  # from now on only the coroutine's end settles it
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        loop.call_soon_threadsafe(self._begin, work)

    def cancel(self) -> None:
        """Ask the coroutine to end; from any thread."""
        self._loop.call_soon_threadsafe(self._cancel)  # runs after `_begin`, which was asked for earlier

    def _begin(self, work: Coroutine[Any, Any, T]) -> None:
        self._task = self._loop.create_task(work)
        self._task.add_done_callback(self._settle)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _settle(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.outcome.set_exception(RuntimeError("the client was closed while a call was under way"))
            return
        error = task.exception()
        if error is None:
            self.outcome.set_result(task.result())
        else:
            self.outcome.set_exception(error)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())  # it looks up host names
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _finish(last: Coroutine[Any, Any, None]) -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last
