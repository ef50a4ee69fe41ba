"""The session file for the command line: the same statements, without an event loop. It may be in use by a gateway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from toolkit.errors import UsageError
from toolkit.gateway.sessions import reading, searching, writing
from toolkit.gateway.sessions.database import connect, explained
from toolkit.gateway.sessions.query import all_of, pairs_of, words_of
from toolkit.store.connection import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from toolkit.gateway.sessions.records import Hit, SessionRow, StoredTurn


class SessionBook:
    """All sessions of a file. A *ref* is an id, or its beginning where that is unique, or `latest`.

    Methods raise UsageError for a ref of no session or several, and SessionsError if the file fails.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        if not path.exists():
            raise UsageError(
                f"{path}: there are no sessions; `hotswap serve` keeps them, --sessions names another file"
            )
        self.path = path
        self._clock_ns = clock_ns
        self._connection = connect(path, clock_ns())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def sessions(self, limit: int = -1) -> tuple[SessionRow, ...]:
        """The sessions, the last used first; -1 for all."""
        with explained(self.path):
            rest = "ORDER BY s.used_ns DESC, s.key DESC LIMIT ?"
            return reading.read_sessions(self._connection, rest, (limit,))

    def find(self, ref: str) -> SessionRow:
        """The session that a ref names."""
        with explained(self.path):
            if ref == "latest":
                found = self.sessions(1)
            else:
                found = reading.read_sessions(self._connection, "WHERE s.id = ?", (ref,))
            if not found:
                rest = "WHERE substr(s.id, 1, ?) = ? ORDER BY s.id LIMIT 3"
                found = reading.read_sessions(self._connection, rest, (len(ref), ref))
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"{self.path}: there is no session {ref!r}; `hotswap sessions list` shows them")
        names = ", ".join(row.id for row in found)
        raise UsageError(f"{self.path}: {ref!r} is the beginning of several sessions ({names}); write more of it")

    def turns(self, session_id: str) -> Iterator[StoredTurn]:
        """The turns of a session in order, those that failed too, in bounded memory."""
        with explained(self.path):
            yield from reading.read_turns(self._connection, session_id)

    def search(self, text: str, limit: int) -> tuple[Hit, ...]:
        """The messages that have every word and "phrase" of a text, best first."""
        query = all_of(text)
        if query is None:
            raise UsageError(f"{text!r} has no word to search for")
        with explained(self.path):
            if pairs_of(text):
                return searching.search_text(self._connection, words_of(text), limit)
            return searching.search(self._connection, query, limit)

    def unused(self, unused_ns: int) -> tuple[SessionRow, ...]:
        """The sessions that were not used for so long."""
        before_ns = self._clock_ns() - unused_ns
        with explained(self.path):
            return reading.read_sessions(self._connection, "WHERE s.used_ns < ? ORDER BY s.used_ns", (before_ns,))

    def remove(self, session_ids: Sequence[str]) -> None:
        """Remove sessions with everything in them, so that none of their text is left in the file."""
        with explained(self.path):
            with transaction(self._connection):
                for session_id in session_ids:
                    writing.remove(self._connection, session_id)
                writing.wipe_index(self._connection)
            writing.give_room_back(self._connection)
