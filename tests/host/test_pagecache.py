"""The page cache keeps what was read last, and no more than there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.pagecache import PageCache


def test_a_second_read_finds_the_file() -> None:
    cache = PageCache()
    assert cache.read("a", 100, 250) == 0
    assert cache.read("a", 100, 250) == 100


def test_the_least_recently_read_file_goes_first() -> None:
    cache = PageCache()
    for name in ("a", "b", "a", "c"):
        cache.read(name, 100, 250)
    assert (cache.cached_bytes("a"), cache.cached_bytes("b"), cache.cached_bytes("c")) == (100, 50, 100)


def test_a_file_larger_than_the_room_never_helps_itself() -> None:
    cache = PageCache()
    cache.read("huge", 1000, 250)
    assert cache.read("huge", 1000, 250) == 0


def test_memory_that_runners_take_is_taken_from_the_cache() -> None:
    cache = PageCache()
    cache.read("a", 100, 250)
    cache.shrink(30)
    assert cache.cached_bytes("a") == 30
    cache.shrink(-5)
    assert cache.cached_bytes("a") == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 300)), max_size=40))
def test_the_cache_never_holds_more_than_the_room(reads: list[tuple[str, int]]) -> None:
    cache, sizes = PageCache(), {"a": 40, "b": 100, "c": 150, "d": 260}
    for file, capacity in reads:
        found = cache.read(file, sizes[file], capacity)
        assert 0 <= found <= sizes[file]
        assert sum(cache.cached_bytes(name) for name in sizes) <= capacity
