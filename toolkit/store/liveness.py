"""Which runs nobody is writing any more: their process was killed, and the rows it left must say so.

A writer commits at least every half second, and each commit says when. On the same machine its process is asked for as
well, so that a run is found dead at once and not only when its silence is long enough.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toolkit.store.connection import transaction

if TYPE_CHECKING:
    import sqlite3

    from toolkit.store.writing import Writer

SILENT_AFTER_NS = 30_000_000_000
"""A writer that has said nothing for so long is dead: a slow disk takes seconds, not half a minute."""


def close_orphans(connection: sqlite3.Connection, now_ns: int, me: Writer) -> int:
    """Mark the runs of dead writers incomplete; returns how many there were."""
    recording = connection.execute(
        "SELECT key, writer_host, writer_pid, seen_ns FROM runs WHERE state = 'recording'"
    ).fetchall()
    dead = [key for key, host, pid, seen_ns in recording if not _lives(host, pid, now_ns - seen_ns, me)]
    if dead:
        with transaction(connection):
            connection.executemany(
                "UPDATE runs SET state = 'incomplete' WHERE key = ? AND state = 'recording'", [(key,) for key in dead]
            )
    return len(dead)


def _lives(host: str, pid: int, silent_ns: int, me: Writer) -> bool:
    if silent_ns > SILENT_AFTER_NS:
        return False
    return host != me.host or _process_exists(pid)


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists, and is somebody else's
        return True
    return True
