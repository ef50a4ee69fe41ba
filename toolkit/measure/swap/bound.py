"""What holds a pair back. Rules are tried in order, and the first that applies is the answer (docs/swap.md).

1. the load took at most two of the server's looks at its runner → the server's 250 ms poll;
2. eviction and recovery took longer than the load → the eviction;
3. the file came from disk, and a load from the page cache is measured and at least a fifth quicker → the disk; not
   quicker → not the disk, go on with rule 5; no such load measured → the disk, if the cache was dropped on purpose;
4. it is not known where the file came from → nothing can be said;
5. the model went to a GPU → the bus (the copy from RAM, and what the process needs to start);
   it went to RAM → the host's memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toolkit.measure.swap.cache_state import State
from toolkit.measure.swap.split import SERVER_POLL_NS

POLLS: Final = 2
QUICKER_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at: medians in nanoseconds, None where there is no evidence.

    `load_ns` is the load alone, `away_ns` eviction and recovery together, `cached_load_ns` the same load from the page
    cache. `state_known`: the command itself had put the file there.
    """

    state: State
    state_known: bool
    load_ns: float | None
    away_ns: float | None
    cached_load_ns: float | None
    on_gpu: bool | None


def bound_of(facts: Facts) -> str | None:
    """What the pair is bounded by, in words that complete "bounded by"; None if it cannot be said."""
    if facts.state is State.RESIDENT or facts.load_ns is None:
        return None
    if facts.load_ns <= POLLS * SERVER_POLL_NS:
        return "the server's 250 ms poll"
    if facts.away_ns is not None and facts.away_ns > facts.load_ns:
        return "the eviction"
    if facts.state is State.DISK and _waits_for_disk(facts, facts.load_ns):
        return "the disk"
    return _by_destination(facts)


def _waits_for_disk(facts: Facts, load_ns: float) -> bool:
    cached_ns = facts.cached_load_ns
    return facts.state_known if cached_ns is None else cached_ns < QUICKER_SHARE * load_ns


def _by_destination(facts: Facts) -> str | None:
    """What bounds a load that the disk does not; None where that it does not is not known."""
    is_told = facts.state is State.PAGES or (facts.state is State.DISK and facts.cached_load_ns is not None)
    if not is_told or facts.on_gpu is None:
        return None
    return "the bus" if facts.on_gpu else "the host's memory"
