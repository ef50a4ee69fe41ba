"""Fifty processes that write into one store and are killed in the middle: `python killed_writers.py STORE SEED`.

Each is forked from this process (so that a start costs milliseconds), writes as fast as it can, and gets SIGKILL after
a random number of acknowledged records. After each the store is opened, checked page by page, and read. One JSON
object is printed in the end.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

from tests.store.examples import LIVE, RUN, STREAMED
from toolkit.store import open_store

KILLS = 50
MOST_ACKNOWLEDGED = 10_000
COMMIT_EVERY_S = 0.002
"""So often that most kills hit a commit; in earnest it is half a second."""


def main(path: Path, seed: int) -> None:
    """Kill and look, fifty times."""
    chosen = random.Random(seed)
    broken = 0
    kept: list[int] = []
    states: set[str] = set()
    for number in range(KILLS):
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            write_for_ever(path, number, theirs)
        os.close(theirs)
        wait_for(ours, chosen.randrange(MOST_ACKNOWLEDGED))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ours)
        with open_store(path) as store:
            rows = store.runs()
            states |= {row.state for row in rows}
            if rows:  # else it was killed before its run had begun
                kept.append(len(store.load("latest").records))
                broken += rows[0].record_count != kept[-1] and rows[0].state == "incomplete"
        raw = sqlite3.connect(path)  # below the store, as another program would
        broken += raw.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
        broken += bool(raw.execute("PRAGMA foreign_key_check").fetchall())
        raw.close()
    print(json.dumps({"kills": KILLS, "broken": broken, "states": sorted(states), "kept": kept}))  # noqa: T201 - the result


def write_for_ever(path: Path, number: int, acknowledge: int) -> None:
    """What a killed process was doing: a run that is being played, or (every fifth) finished ones that are added."""
    with open_store(path, commit_every_s=COMMIT_EVERY_S) as store:
        recording = store.record("ram", number, LIVE)
        written = 0
        while True:
            written += 1
            if number % 5 == 0 and written % 1000 == 0:
                store.add(replace(RUN, repetition=number * 1000 + written, records=(STREAMED,) * 20))
            recording.record(STREAMED)
            os.write(acknowledge, b".")


def wait_for(pipe: int, count: int) -> None:
    """Wait until so many records were handed over."""
    while count > 0:
        count -= len(os.read(pipe, count))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
