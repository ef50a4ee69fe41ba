"""Where the runs of `compare` and `replay` are stored, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from toolkit.cli.options import open_given_store
from toolkit.errors import UsageError
from toolkit.experiment.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.store import RunStore


@dataclass(frozen=True, slots=True)
class Storage:
    """The store of one call, None if nothing is stored; the shelf of its runs; a tag for the first of them."""

    store: RunStore | None
    shelf: Shelf
    tag: str | None

    @classmethod
    def open(cls, path: Path | None, tag: str | None, *, unwanted: bool) -> Self:
        """Open the store before anything is played, so that its mistakes cost no run. Raises UsageError, StoreError."""
        if unwanted and (tag is not None or path is not None):
            raise UsageError("--no-store leaves nothing that --tag or --store could name; leave out one of them")
        if unwanted:
            return cls(None, Shelf(None), None)
        from toolkit.store import StoreError  # noqa: PLC0415 - SQLite, not for those who store nothing
        from toolkit.store.identity import tag_problem  # noqa: PLC0415 - as above

        problem = None if tag is None else tag_problem(tag)
        if problem is not None:
            raise UsageError(f"--tag {tag!r}: {problem}")
        try:
            store = open_given_store(path)
        except StoreError as error:
            raise StoreError(f"{error}; --no-store plays without one") from error
        return cls(store, Shelf(store, tag), tag)

    def said(self) -> str:
        """What is in the store now, in a sentence."""
        ids = self.shelf.ids
        if self.store is None or not ids:
            return ""
        what = f"run {ids[0]}" if len(ids) == 1 else f"runs {ids[0]} … {ids[-1]}"
        tagged = "" if self.tag is None else f", tagged {self.tag}"
        return f"stored: {what}{tagged} in {self.store.path}"

    def close(self) -> None:
        """Let go of the store."""
        if self.store is not None:
            self.store.close()
