"""Simulations in a pool of processes on this machine.

Processes are started afresh (spawned), so nothing depends on what this process has open. A worker that dies takes the
pool with it (so does `concurrent.futures`): a new one is made, and what was not finished runs again.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from toolkit.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolkit.plan.case import Point
    from toolkit.plan.tally import Tally

MOST_DEATHS: Final = 3
"""So many times in a row without a finished point between them the workers may die before it is called an error."""


class PoolExecutor:
    """See `Executor`. `workers` None: one for each core that this process may use."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or _cores()
        self._pool: ProcessPoolExecutor | None = None

    def run(self, work: Callable[[Point], Tally], points: Sequence[Point]) -> Iterator[tuple[int, Tally]]:
        """As they are finished."""
        waiting, deaths, packed = dict(enumerate(points)), 0, pickle.dumps(work)
        while waiting:
            try:
                futures = {self._open().submit(_do, packed, point): place for place, point in waiting.items()}
                for future in as_completed(futures):
                    tally = future.result()
                    place = futures[future]
                    del waiting[place]
                    deaths = 0
                    yield place, tally
            except BrokenProcessPool:
                deaths += 1
                self.close()
                if deaths == MOST_DEATHS:
                    raise HostError(
                        f"processes of the pool died {deaths} times without finishing anything; is there enough "
                        "memory? fewer at a time: --workers 1"
                    ) from None

    def close(self) -> None:
        """End the processes; what runs is given up."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = tuple((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:  # a simulation has nothing to lose, and nobody wants to wait for it
            process.terminate()
        for process in processes:
            process.join()

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_begin)
        return self._pool


def _do(packed: bytes, point: Point) -> Tally:
    tally: Tally = _unpacked(packed)(point)
    return tally


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Any:
    """The work, unpacked once in each process: it may remember what it has made."""
    return pickle.loads(packed)  # noqa: S301 - from the process that started this one


def _begin() -> None:
    """Ctrl-C reaches every process of a terminal, and the one that started us decides; if it is killed, so are we."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
