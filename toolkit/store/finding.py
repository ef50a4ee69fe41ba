"""From what a user writes to the run that is meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.store.identity import LATEST, LEAST_PREFIX, looks_like_id

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_SHOWN = 4


def find_key(connection: sqlite3.Connection, ref: str, path: Path) -> int:
    """The key of the run that `ref` names: a tag, an id or its beginning, or `latest`.

    Raises:
        UsageError: no run, or several.
    """
    if ref == LATEST:
        found = connection.execute("SELECT key, id FROM runs ORDER BY stored_ns DESC, key DESC LIMIT 1").fetchall()
    else:
        found = connection.execute("SELECT run, name FROM tags WHERE name = ?", (ref,)).fetchall()
        if not found and looks_like_id(ref):
            last = ref + "g"  # behind every id that begins with it
            found = connection.execute("SELECT key, id FROM runs WHERE id >= ? AND id < ?", (ref, last)).fetchall()
    if len(found) > 1:
        names = ", ".join(name for _, name in found[:_SHOWN])
        raise UsageError(f"{path}: {len(found)} runs begin with {ref!r} ({names}); write more characters")
    if not found:
        raise UsageError(f"{path}: {_absence(connection, ref)}")
    return int(found[0][0])


def _absence(connection: sqlite3.Connection, ref: str) -> str:
    names = [name for (name,) in connection.execute("SELECT name FROM tags UNION SELECT id FROM runs")]
    if not names:
        return f"there are no runs yet, and so no {ref!r}; `hotswap compare` and `hotswap replay` store them"
    near = difflib.get_close_matches(ref, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`hotswap runs list` shows them"
    return f"no run {ref!r}; a run is named by its id (at least {LEAST_PREFIX} characters), a tag or {LATEST!r}; {hint}"
