"""Where the time of one move went, as far as there is evidence for it.

The server counts queue, eviction, recovery of memory and load as one (`load_duration`). What parts it are the looks at
`/api/ps` meanwhile:

- the last look that still lists the old model: until it was asked for, nothing had been evicted. That is `queue`;
- the first look without the old model: its process is gone, as a server answers no look while it ends one. The time
  between the two is `evict`;
- what is left of `load_duration` is recovery and load. No client sees the border. Where the same model was also loaded
  from nothing, with its file in the same place, that load is taken out, and the rest is `recovery`, if it is more
  than one look of the server at its runner; otherwise it cannot be told, and `load` holds both. A move whose
  eviction no look has seen has no `load` either: nothing parts the two.

A part without evidence is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toolkit.measure.swap.sample import Sample  # noqa: TC001 - a public annotation

SERVER_POLL_NS: Final = 258_000_000
"""A load ends with the server's next look at its runner: every 250 ms, and 3 to 8 ms for the look itself."""


@dataclass(frozen=True, slots=True)
class Split:
    """Parts in nanoseconds. `resolution_ns` is how far the border between eviction and load may be off."""

    queue_ns: int | None
    evict_ns: int | None
    recovery_ns: int | None
    load_ns: int | None
    prefill_ns: int | None
    first_token_ns: int | None
    resolution_ns: int | None

    @property
    def gone_ns(self) -> int | None:
        """When the old model had gone, from the sending."""
        return None if self.evict_ns is None else (self.queue_ns or 0) + self.evict_ns


NAMES: Final = ("queue", "evict", "recovery", "load", "prefill", "first_token")
"""The parts in the order in which time goes there; each is a field `…_ns` of `Split`."""


def split_of(sample: Sample, load_alone_ns: float | None, *, clocks_agree: bool = True) -> Split:
    """The parts of a move.

    `load_alone_ns` is what the same load takes on an empty host, None if that is not known. Where server and client do
    not measure the same time (`clocks_agree` false), nothing that needs both is told.
    """
    counters = sample.counters
    queue_ns, evict_ns, resolution_ns = _eviction(sample) if clocks_agree else (None, None, None)
    gone_ns = (queue_ns or 0) + (evict_ns or 0)
    rest_ns = None if counters.load_ns is None else max(counters.load_ns - gone_ns, 0)
    recovery_ns = _recovery(sample, rest_ns, load_alone_ns) if evict_ns is not None else None
    load_ns = rest_ns if rest_ns is None or recovery_ns is None else rest_ns - recovery_ns
    if sample.move.kind == "resident" or (sample.evicted and evict_ns is None):
        load_ns = None
    first_token_ns = _first_token(sample) if clocks_agree else None
    return Split(queue_ns, evict_ns, recovery_ns, load_ns, counters.prompt_eval_ns, first_token_ns, resolution_ns)


def _eviction(sample: Sample) -> tuple[int | None, int | None, int | None]:
    """Queue, eviction, and how far apart the two looks are that bound its end."""
    if not sample.evicted:
        return None, None, None
    before = [look for look in sample.looks if sample.move.before in look.names]
    after = [look for look in sample.looks if sample.move.before not in look.names]
    if not after:
        return None, None, None
    queue_ns = max((look.asked_ns for look in before), default=None)
    gone_ns = min(look.answered_ns for look in after)
    if queue_ns is not None and queue_ns > gone_ns:  # a dead runner may be listed for a moment longer
        return None, None, None
    last_asked_ns = min(look.asked_ns for look in after)
    return queue_ns, gone_ns - (queue_ns or 0), max(gone_ns - max(last_asked_ns, 0), 0)


def _recovery(sample: Sample, rest_ns: int | None, load_alone_ns: float | None) -> int | None:
    if rest_ns is None or load_alone_ns is None or not sample.victim_vram_bytes:
        return None
    more_ns = round(rest_ns - load_alone_ns)
    return more_ns if more_ns > SERVER_POLL_NS else None


def _first_token(sample: Sample) -> int | None:
    """From the end of the prompt's reading to the first token at the client: one step of decoding, and the way."""
    counters, seen_ns = sample.counters, sample.first_token_ns
    if seen_ns is None or counters.load_ns is None or counters.prompt_eval_ns is None:
        return None
    return max(seen_ns - counters.load_ns - counters.prompt_eval_ns, 0)
