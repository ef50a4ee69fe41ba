"""Stores, reads and summarises a run of many records, and says what it took: `python -m … STORE COUNT PIECES`.

A process of its own, so that its peak of memory is nobody else's. The records differ in every field that a real run's
do, and each streamed answer has PIECES pieces. One JSON object is printed.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.store.examples import LIVE, RECORD
from toolkit.replay.samples import collect, estimates
from toolkit.store import RunStore, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.replay.records import RequestRecord

MOST_WAITING = 10_000
"""A run on a host makes thousands of records a second at most; here the maker waits for the writer."""
MODELS = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")


def records(count: int, pieces: int) -> Iterator[RequestRecord]:
    """Records as a load test makes them."""
    drawn = random.Random(1)
    for number in range(count):
        at_ns = number * 2_000_000
        first_ns = at_ns + drawn.randrange(10**7, 10**9)
        gaps_ns = [drawn.randrange(10**6, 10**8) for _ in range(8)]
        token_ns = tuple(first_ns + place * gaps_ns[place % 8] for place in range(pieces))
        yield replace(
            RECORD,
            id=f"{number:07}",
            intended_ns=at_ns,
            sent_ns=at_ns + 10_000,
            ready_ns=first_ns - 10**6,
            first_token_ns=first_ns,
            done_ns=max(token_ns, default=first_ns),
            model=MODELS[number % 3],
            temperature="hit" if number % 10 else "cold",
            output_tokens=pieces,
            token_ns=tuple(sorted(token_ns)) or None,
        )


def store_all(store: RunStore, count: int, pieces: int) -> str:
    """Store them as a run that is being played."""
    recording = store.record("ram", 0, LIVE)
    for record in records(count, pieces):
        recording.record(record)
        while recording.waiting > MOST_WAITING:
            time.sleep(0.001)
    recording.end(count * 2_000_000, complete=True)
    trouble = recording.close()
    assert trouble is None, trouble
    return recording.run_id


def main(path: Path, count: int, pieces: int) -> None:
    """Store, read, summarise."""
    base_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_store(path) as store:
        started_s = time.perf_counter()
        ref = store_all(store, count, pieces)
        stored_s = time.perf_counter()
        samples = collect(store.records(ref))
        read_s = time.perf_counter()
        found = estimates(samples)
        summarised_s = time.perf_counter()
    result = {
        "count": samples.requests,
        "metrics": {one.key: one.count for one in found},
        "store_s": stored_s - started_s,
        "read_s": read_s - stored_s,
        "summarise_s": summarised_s - read_s,
        "file_mib": path.stat().st_size >> 20,
        "base_mib": base_kib >> 10,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,  # kibibytes on Linux
    }
    print(json.dumps(result))  # noqa: T201 - the result


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
