"""Keeps the runs of one call of a command: each in a `run.jsonl` of its own, and in the store if there is one.

The file is written in the player's own time, line by line, and loses nothing; the store is written beside it by a
thread. Trouble with the store never ends a measurement: the file has it all, and can be imported.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolkit.replay.runfile import RUN_FILE, RunWriter
from toolkit.replay.sink import Both

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from toolkit.replay.records import Provenance, Run
    from toolkit.replay.sink import RunSink
    from toolkit.store import RunStore


class Shelf:
    """Where the runs of one call go. `ids` are those in the store so far, `trouble` says what was not stored."""

    def __init__(self, store: RunStore | None, tag: str | None = None) -> None:
        """`tag` is that of the first run; it is there from the run's beginning, so that a killed run has it, too."""
        self.ids: list[str] = []
        self.trouble: str | None = None
        self._store = store
        self._tag = tag

    @contextmanager
    def recording(self, directory: Path, strategy: str, repetition: int, provenance: Provenance) -> Iterator[RunSink]:
        """A sink for one run that is about to be played, kept in `directory`, which is made."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / RUN_FILE
        # What a server sends may hold lone surrogates; written with backslashes they are the same text in JSON.
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            writer = RunWriter(file, strategy, repetition, provenance)
            if self._store is None:
                yield writer
                return
            recording = self._store.record(strategy, repetition, provenance, batch=self._batch)
            self._note(self._store, recording.run_id)
            try:
                yield Both(writer, recording)
            finally:
                trouble = recording.close()
                if trouble is not None:
                    self.trouble = f"{trouble}; the run is whole in {path}, for `hotswap runs import`"

    def add(self, runs: Sequence[Run]) -> None:
        """Store runs that are over."""
        if self._store is not None:
            for run in runs:
                self._note(self._store, self._store.add(run, batch=self._batch).id)

    def _note(self, store: RunStore, run_id: str) -> None:
        if self._tag is not None and not self.ids:
            store.tag(run_id, self._tag)
        self.ids.append(run_id)

    @property
    def _batch(self) -> str | None:
        return self.ids[0] if self.ids else None
