from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.measure.swap.samples import GB, load, resident, swap
from toolkit.measure.swap.cache_state import Label, State, labels_of

if TYPE_CHECKING:
    from toolkit.measure.swap.sample import Sample


def label(sample: Sample, *others: Sample, ram_bytes: int | None = None) -> Label:
    return labels_of([sample, *others], ram_bytes)[0]


def test_what_was_in_memory_is_resident_if_it_was_at_hand() -> None:
    assert label(resident()).state is State.RESIDENT
    assert label(resident(load_ms=900)).state is State.UNKNOWN


def test_what_the_command_did_is_known() -> None:
    cold, warm = label(load(pages="dropped")), label(load(pages="warmed"))
    assert (cold.state, cold.known) == (State.DISK, True)
    assert (warm.state, warm.known) == (State.PAGES, True)


def test_a_file_that_was_read_before_is_inferred_to_be_cached() -> None:
    told = label(load(read_since=8 * GB))
    assert (told.state, told.known) == (State.PAGES, False)
    assert "--ram" in told.how
    assert label(load(read_since=8 * GB), ram_bytes=16 * GB).state is State.PAGES


def test_unless_more_was_read_since_than_the_ram_holds() -> None:
    told = label(load(read_since=8 * GB), ram_bytes=10 * GB)
    assert (told.state, told.known) == (State.DISK, False)
    assert label(load(pages="warmed"), ram_bytes=2 * GB).state is State.DISK


def test_a_first_load_is_compared_with_later_ones() -> None:
    later = [load(load_ms=1000), load(load_ms=1010)]
    assert label(load(load_ms=5000, read_since=None), *later).state is State.DISK
    assert label(load(load_ms=1020, read_since=None), *later).state is State.PAGES
    assert label(load(load_ms=5000, read_since=None)).state is State.UNKNOWN


def test_one_tick_of_the_server_does_not_make_a_load_cold() -> None:
    assert label(load(load_ms=516, read_since=None), load(load_ms=260)).state is State.PAGES


def test_a_file_larger_than_the_ram_is_never_cached() -> None:
    assert label(load(read_since=None), ram_bytes=GB).state is State.DISK


def test_no_counter_no_state() -> None:
    sample = swap(read_since=None)
    bare = replace(sample, counters=replace(sample.counters, load_ns=None))
    assert label(bare, load()).state is State.UNKNOWN
