from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.measure.swap.samples import MS, load, look, resident, swap
from toolkit.measure.swap.split import SERVER_POLL_NS, split_of


def test_a_load_from_nothing_is_all_load() -> None:
    split = split_of(load(load_ms=1000), None)
    assert (split.queue_ns, split.evict_ns, split.recovery_ns) == (None, None, None)
    assert (split.load_ns, split.prefill_ns, split.first_token_ns) == (1000 * MS, 25 * MS, 16 * MS)


def test_looks_part_queue_eviction_and_the_rest() -> None:
    looks = (look(0, 1, "a"), look(21, 22, "a"), look(42, 150), look(170, 171))
    split = split_of(swap(load_ms=2000, looks=looks), None)
    assert (split.queue_ns, split.evict_ns) == (21 * MS, 129 * MS)
    assert (split.recovery_ns, split.load_ns) == (None, 1850 * MS)
    assert split.resolution_ns == 108 * MS


def test_without_a_look_at_the_old_model_there_is_no_queue_to_tell() -> None:
    split = split_of(swap(looks=(look(1, 110),)), None)
    assert (split.queue_ns, split.evict_ns) == (None, 110 * MS)


def test_recovery_is_what_a_load_alone_does_not_take() -> None:
    split = split_of(swap(load_ms=2000), 1000 * MS)
    assert (split.recovery_ns, split.load_ns) == (900 * MS, 1000 * MS)


def test_less_than_a_look_of_the_server_is_no_recovery() -> None:
    split = split_of(swap(load_ms=1350), 1000 * MS)
    assert (split.recovery_ns, split.load_ns) == (None, 1250 * MS)


def test_memory_of_a_host_without_gpu_does_not_recover() -> None:
    assert split_of(replace(swap(load_ms=3000), victim_vram_bytes=0), 1000 * MS).recovery_ns is None


def test_an_eviction_that_nobody_saw_leaves_no_load_either() -> None:
    split = split_of(swap(looks=()), 1000 * MS)
    assert (split.evict_ns, split.recovery_ns, split.load_ns) == (None, None, None)
    assert split.prefill_ns == 25 * MS


def test_two_clocks_are_not_mixed() -> None:
    """The counters of a twin that was told to be quick are those of a slow host."""
    sample = replace(swap(), done_ns=200 * MS)
    assert not sample.clocks_agree
    split = split_of(sample, 1000 * MS, clocks_agree=False)
    assert (split.queue_ns, split.evict_ns, split.load_ns, split.first_token_ns) == (None, None, None, None)


def test_a_model_that_stayed_was_not_evicted() -> None:
    sample = swap(stays=True, load_ms=900)
    assert not sample.evicted
    split = split_of(sample, None)
    assert (split.evict_ns, split.load_ns) == (None, 900 * MS)


def test_a_resident_model_has_no_load() -> None:
    assert split_of(resident(), None).load_ns is None


def test_absent_counters_are_absent_parts() -> None:
    sample = load()
    bare = replace(sample, counters=replace(sample.counters, load_ns=None, prompt_eval_ns=None))
    split = split_of(bare, None)
    assert (split.load_ns, split.prefill_ns, split.first_token_ns) == (None, None, None)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400), st.booleans()), max_size=8),
    st.integers(400, 9000),
    st.one_of(st.none(), st.integers(1, 9000)),
)
def test_the_parts_make_up_load_duration(rows: list[tuple[int, int, bool]], load_ms: int, alone: int | None) -> None:
    """INV-SPLIT: where all is told, queue + evict + recovery + load = load_duration; and no part is negative."""
    looks = tuple(look(asked, asked + took, *(("a",) if there else ())) for asked, took, there in rows)
    split = split_of(swap(load_ms=load_ms, looks=looks), None if alone is None else alone * MS)
    parts = (split.queue_ns, split.evict_ns, split.recovery_ns, split.load_ns)
    assert all(part is None or part >= 0 for part in parts)
    assert split.recovery_ns is None or split.recovery_ns > SERVER_POLL_NS
    if split.load_ns is not None and (split.gone_ns or 0) <= load_ms * MS:
        assert sum(part or 0 for part in parts) == load_ms * MS
