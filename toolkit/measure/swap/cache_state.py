"""Where a model's file was when it was asked for: on disk, in the host's page cache, or the model in memory.

Known where the command made it so (`--drop-caches`), or where the model was in memory. Everything else is inferred, and
`how` says from what. No client can see a page cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING, Final

from toolkit.measure.swap.split import SERVER_POLL_NS
from toolkit.replay.live_record import RESIDENT_BELOW_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.measure.swap.sample import Sample

SLOWER_BY: Final = 1.25
"""A first load this much slower than later ones (and by more than one look of the server) came from disk."""


class State(Enum):
    """Where the model was."""

    DISK = "disk-cold"
    PAGES = "page-cache-warm"
    RESIDENT = "resident"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Label:
    """The state of one sample, whether the command made it so (else it is inferred), and by what evidence."""

    state: State
    known: bool
    how: str


def labels_of(samples: Sequence[Sample], ram_bytes: int | None) -> tuple[Label, ...]:
    """The state of each sample, in order. `ram_bytes` is what the host may use as page cache, None if not known."""
    return tuple(_label(sample, samples, ram_bytes) for sample in samples)


def _label(sample: Sample, samples: Sequence[Sample], ram_bytes: int | None) -> Label:
    move, load_ns = sample.move, sample.counters.load_ns
    if move.model in sample.listed_before and (load_ns or 0) < RESIDENT_BELOW_NS:
        return Label(State.RESIDENT, known=True, how="listed in /api/ps before, and at hand in under 150 ms")
    if move.kind == "resident":
        return Label(State.UNKNOWN, known=False, how="it should have been in memory, and was loaded again")
    if move.pages == "dropped":
        return Label(State.DISK, known=True, how="the page cache was dropped just before")
    if move.pages == "warmed":
        return _if_it_fits(sample, ram_bytes, "its file was read through just before", known=True)
    if sample.read_since_bytes is not None:
        return _if_it_fits(sample, ram_bytes, "its file was read before by this command", known=False)
    return _first_read(sample, samples, ram_bytes)


def _if_it_fits(sample: Sample, ram_bytes: int | None, how: str, *, known: bool) -> Label:
    needed = sample.file_bytes + (sample.read_since_bytes or 0)
    if ram_bytes is not None and needed > ram_bytes:
        return Label(State.DISK, known=False, how=f"{how}, but more was read since than the RAM holds")
    if known or ram_bytes is not None:
        return Label(State.PAGES, known=known, how=how)
    return Label(State.PAGES, known=False, how=f"{how}, and the RAM is taken to hold it (--ram SIZE would tell)")


def _first_read(sample: Sample, samples: Sequence[Sample], ram_bytes: int | None) -> Label:
    """The first load of a file: as slow as later ones or much slower."""
    later = [
        one.counters.load_ns
        for one in samples
        if (one.move.kind, one.move.before, one.move.model) == ("load", None, sample.move.model)
        and one.read_since_bytes is not None
        and one.counters.load_ns is not None
    ]
    if ram_bytes is not None and sample.file_bytes > ram_bytes:
        return Label(State.DISK, known=False, how="its file is larger than the RAM")
    if sample.counters.load_ns is None or not later:
        return Label(State.UNKNOWN, known=False, how="the first load of its file, and no later one to compare with")
    usual_ns = median(later)
    if sample.counters.load_ns > max(usual_ns * SLOWER_BY, usual_ns + SERVER_POLL_NS):
        times = sample.counters.load_ns / usual_ns
        return Label(State.DISK, known=False, how=f"the first load of its file took {times:.1f} times as long as later")
    return Label(State.PAGES, known=False, how="the first load of its file, but as quick as later ones")
