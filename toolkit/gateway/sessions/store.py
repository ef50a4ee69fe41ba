"""The sessions as the gateway uses them: turns in order, answers that are on the disk before they are acknowledged.

    sessions = SessionStore.open(path)
    async with sessions.turn("kitchen") as turn:
        ...  # compose from turn.history, ask the model
        await turn.record(exchange)
    await sessions.aclose()

Requests of one session take their turns in the order of their arrival: the second sees what the first was answered.
Requests of different sessions never wait for each other. Neither reading nor writing blocks the event loop.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self, TypeVar
from weakref import WeakValueDictionary

from toolkit.gateway.sessions import reading, searching, writing
from toolkit.gateway.sessions.committer import Committer
from toolkit.gateway.sessions.database import connect, explained
from toolkit.gateway.sessions.query import all_of, pairs_of, telling_words, words_of
from toolkit.gateway.sessions.records import History, checked_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from toolkit.gateway.sessions.records import Exchange, Hit, Measured, Said, SessionRow, StoredTurn, Summary

T = TypeVar("T")

HISTORY_MESSAGES = 200
"""How many of the newest messages a turn is given, unless told otherwise; older ones are found and summarised."""
END = 1 << 62
"""A position behind every message."""
TEACHING_PROMPTS = 64
"""How many of a model's counted prompts are remembered over a restart."""


class Turn:
    """The right to answer next in a session, from `async with SessionStore.turn`."""

    def __init__(self, store: SessionStore, history: History) -> None:
        self.session_id = history.session_id
        self.history = history
        self.answered: StoredTurn | None = None
        """The turn that has answered this request before, if the client gave it a key; then do not answer again."""
        self.number: int | None = None
        """The turn's number in its session, from 0, once it is recorded."""
        self._store = store
        self._storing: asyncio.Future[int] | None = None

    def forget(self) -> None:
        """Let go of the history once it was composed: an answer takes long, and many are under way at a time."""
        self.history = History(self.session_id)

    async def record(self, exchange: Exchange) -> int:
        """Store the exchange; returns its number when it is on the disk. Acknowledge the answer only then.

        A caller that is cancelled meanwhile (the client left) does not undo it: the turn ends when it is stored.

        Raises:
            SessionsError: nothing of it is stored; SessionsFullError if for want of room.
        """
        session_id = self.session_id

        def change(connection: sqlite3.Connection) -> int:
            return writing.add_exchange(connection, session_id, exchange, self._store.now_ns())

        self._storing = asyncio.ensure_future(self._store.change(change))
        self.number = await asyncio.shield(self._storing)
        return self.number

    async def settled(self) -> None:
        """Wait until nothing is under way; whatever became of it was told to who asked for it."""
        storing = self._storing
        if storing is not None:
            await asyncio.wait([storing])
            if not storing.cancelled() and storing.exception() is None:  # looked at, so that nobody warns of it
                self.number = storing.result()


class SessionStore:
    """All sessions of one file, on one event loop. Methods raise SessionsError if the file fails."""

    def __init__(self, path: Path, history_messages: int, clock_ns: Callable[[], int]) -> None:
        self.path = path
        self.now_ns = clock_ns
        self._history_messages = history_messages
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Its own connection and thread: a reader never waits for a writer who waits for the disk.
        self._reader = connect(path, clock_ns())
        self._reading = ThreadPoolExecutor(1, "sessions-reader")
        self._committer = Committer(connect(path, clock_ns()), path)

    @classmethod
    def open(
        cls, path: Path, *, history_messages: int = HISTORY_MESSAGES, clock_ns: Callable[[], int] = time.time_ns
    ) -> Self:
        """Open the file, made if absent. `clock_ns` is the wall clock, nanoseconds since 1970.

        Raises:
            SessionsError: it cannot be opened, or is no file of sessions of this or an older version.
        """
        return cls(path, history_messages, clock_ns)

    async def aclose(self) -> None:
        """Store what was asked for, and let go of the file."""
        await asyncio.to_thread(self._close)

    @asynccontextmanager
    async def turn(self, session_id: str, request_key: str | None = None) -> AsyncIterator[Turn]:
        """Wait for the session's turn, and hold it.

        Raises:
            UsageError: that is no id of a session.
        """
        lock = self._locks.setdefault(checked_id(session_id), asyncio.Lock())
        async with lock:
            turn = Turn(self, await self.history(session_id))  # in no name of its own, see `Turn.forget`
            if request_key is not None:
                key = request_key
                turn.answered = await self._read(lambda reader: reading.read_answered(reader, session_id, key))
            try:
                yield turn
            finally:
                await turn.settled()

    async def history(self, session_id: str) -> History:
        """What was said in a session so far, without waiting for its turn; empty for one that does not exist."""
        most = self._history_messages
        return await self._read(lambda reader: reading.read_history(reader, session_id, most))

    async def sessions(self, limit: int = 100) -> tuple[SessionRow, ...]:
        """The sessions, the last used first."""
        rest = "ORDER BY s.used_ns DESC, s.key DESC LIMIT ?"
        return await self._read(lambda reader: reading.read_sessions(reader, rest, (limit,)))

    async def search(self, text: str, limit: int = 20) -> tuple[Hit, ...]:
        """The messages of all sessions that have every word of a text, best first."""
        query = all_of(text)
        if query is None:
            return ()
        if pairs_of(text):
            return await self._read(lambda reader: searching.search_text(reader, words_of(text), limit))
        return await self._read(lambda reader: searching.search(reader, query, limit))

    async def related(self, session_id: str, text: str, limit: int, before: int = END) -> tuple[Said, ...]:
        """What was said in a session before a position and shares words with a text, the most telling first.

        What is written without spaces shares pairs of characters; those stand behind.
        """
        words, pairs = telling_words(text), pairs_of(text)

        def found(reader: sqlite3.Connection) -> tuple[Said, ...]:
            by_words = searching.search_said(reader, session_id, words, limit, before) if words else ()
            by_pairs = searching.search_pairs(reader, session_id, pairs, limit, before) if pairs else ()
            known = {said.position for said in by_words}
            return (*by_words, *(said for said in by_pairs if said.position not in known))[:limit]

        return await self._read(found) if words or pairs else ()

    async def texts(self, session_id: str, positions: Sequence[int]) -> Mapping[int, tuple[str, str]]:
        """Role and text of some messages of a session, by position."""
        return await self._read(lambda reader: reading.read_texts(reader, session_id, positions)) if positions else {}

    async def measured(self) -> tuple[Measured, ...]:
        """The last prompts that the models counted, oldest first."""
        return await self._read(lambda reader: reading.read_measured(reader, TEACHING_PROMPTS))

    async def vectors(self, session_id: str, model: str, before: int = END) -> tuple[tuple[int, bytes], ...]:
        """The vectors of a session's messages before a position, by position."""
        return await self._read(lambda reader: reading.read_vectors(reader, session_id, model, before))

    async def unembedded(self, session_id: str, model: str, limit: int) -> tuple[tuple[int, str], ...]:
        """The oldest messages that have no vector yet, as (key, text)."""
        return await self._read(lambda reader: reading.read_unembedded(reader, session_id, model, limit))

    async def add_summary(self, session_id: str, summary: Summary) -> bool:
        """Keep a summary; False if the session is gone."""
        return await self.change(lambda writer: writing.add_summary(writer, session_id, summary))

    async def add_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        """Keep vectors by the keys of their messages."""
        await self.change(lambda writer: writing.add_vectors(writer, model, vectors))

    async def remove(self, session_id: str) -> bool:
        """Remove a session when its turn has come; False if there is none."""
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            return await self.change(lambda writer: writing.remove(writer, session_id))

    async def remove_unused(self, unused_ns: int) -> tuple[str, ...]:
        """Remove the sessions that were not used for so long; returns their ids."""
        before_ns = self.now_ns() - unused_ns
        return await self.change(lambda writer: writing.remove_unused(writer, before_ns))

    async def change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Make a change of any kind; done when it is on the disk."""
        return await asyncio.wrap_future(self._committer.submit(change))

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with explained(self.path):
                return read(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._reading, run)

    def _close(self) -> None:
        self._committer.close()
        self._reading.shutdown()
        self._reader.close()
