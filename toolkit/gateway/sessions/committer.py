"""One thread that writes, many that ask: changes that come together are committed together.

A commit waits for the disk (`synchronous = FULL`), some milliseconds whatever is in it. While one is under way the next
changes gather, and all of them share the next wait. A change that fails by itself takes no other with it; a commit that
fails (a full disk) fails for all that were in it, and for nothing else: the next one is tried afresh.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from toolkit.gateway.sessions.database import SessionsError, in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

MOST_TOGETHER = 256


class _Order(NamedTuple):
    change: Callable[[sqlite3.Connection], Any]
    done: Future[Any]


class Committer:
    """Takes changes from any thread; owns its connection until `close`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sessions", daemon=True)
        self._thread.start()

    def submit(self, change: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have a change made; the future is done when it is on the disk, or fails with SessionsError."""
        done: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise SessionsError(f"{self._path}: the sessions are closed already")
            self._orders.put(_Order(change, done))
        return done

    def close(self) -> None:
        """Commit what was asked for, then let go of the file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._orders.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            orders, going = self._gather()
            taken = [order for order in orders if order.done.set_running_or_notify_cancel()]
            if taken:
                self._commit(taken)
        self._connection.close()

    def _gather(self) -> tuple[list[_Order], bool]:
        """Wait for one order, take all that are there; False with the last."""
        orders: list[_Order] = []
        while len(orders) < MOST_TOGETHER:
            try:
                order = self._orders.get(block=not orders)
            except queue.Empty:
                break
            if order is None:
                return orders, False
            orders.append(order)
        return orders, True

    def _commit(self, orders: list[_Order]) -> None:
        made: list[tuple[_Order, Any]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            made = [(order, result) for order in orders for result in self._made(order)]
            self._connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self._undo()
            for order in orders:
                if not order.done.done():
                    order.done.set_exception(in_words(error, self._path))
            return
        for order, result in made:
            order.done.set_result(result)

    def _made(self, order: _Order) -> list[Any]:
        """The result of a change, in a list; empty if it failed, and then nothing of it is left."""
        self._connection.execute("SAVEPOINT one")
        try:
            result = order.change(self._connection)
        except sqlite3.OperationalError:
            raise  # the file itself: nobody else would fare better
        except sqlite3.DatabaseError as error:
            self._connection.execute("ROLLBACK TO one")
            order.done.set_exception(in_words(error, self._path))
            return []
        except Exception as error:  # noqa: BLE001 - it belongs to who asked, and this thread must live
            self._connection.execute("ROLLBACK TO one")
            order.done.set_exception(error)
            return []
        self._connection.execute("RELEASE one")
        return [result]

    def _undo(self) -> None:
        if self._connection.in_transaction:  # a full disk may have ended it already
            self._connection.execute("ROLLBACK")
