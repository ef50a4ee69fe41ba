"""The hybrid histogram policy: its windows, its moments, and what the lab makes of both, against plain arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.policies.base import Item
from toolkit.cache.policies.histogram import Histogram, reading
from toolkit.cache.policies.idle_times import IdleTimes, Reading, Windows
from toolkit.cache.policies.leasts import Leasts
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.errors import UsageError
from toolkit.lab.cache import Capacity, Use, play

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

NAMES = "abcde"
GAPS = st.lists(st.integers(0, 12), max_size=40)
STREAMS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([0, 1, 3, 10, 10, 10, 30, 200])), max_size=120)
READING = Reading(bin_ns=10, bins=12, head=0.05, tail=0.99, fewest=3)


def plain_windows(gaps: Sequence[int], reading: Reading) -> Windows | None:
    """The same by sorting all gaps and counting all bins."""
    bins = [gap // reading.bin_ns for gap in gaps]
    within = sorted(each for each in bins if each < reading.bins)
    if len(gaps) < reading.fewest or len(gaps) - len(within) > 0.5 * len(gaps):
        return None
    counts = [within.count(each) for each in range(reading.bins)]
    mean = len(within) / reading.bins
    if sum((count - mean) ** 2 for count in counts) / reading.bins < (2 * mean) ** 2 - 1e-9:
        return None
    head, tail = (
        next(each for each in range(reading.bins) if sum(counts[: each + 1]) >= share * len(within))
        for share in (reading.head, reading.tail)
    )
    return Windows(head * reading.bin_ns * 9 // 10, (tail + 1) * reading.bin_ns * 11 // 10)


def uses_of(stream: Sequence[tuple[str, int]]) -> list[Use]:
    uses, at_ns = [], 0
    for name, later_ns in stream:
        at_ns += later_ns
        uses.append(Use(name, at_ns))
    return uses


@given(GAPS.map(lambda gaps: [each * 10 + each % 3 for each in gaps]), st.sampled_from([0.05, 0.25, 0.5]))
def test_windows_are_those_of_the_sorted_gaps(gaps: list[int], head: float) -> None:
    told = Reading(bin_ns=10, bins=12, head=head, tail=0.99, fewest=3)
    times = IdleTimes(told)
    for number, gap_ns in enumerate(gaps, 1):
        times.add(gap_ns)
        assert times.windows() == plain_windows(gaps[:number], told)


def test_a_model_used_every_ten_minutes_rests_for_nine_and_is_not_waited_for_longer_than_twelve() -> None:
    minute_ns = 60 * 10**9
    times = IdleTimes(reading(240 * minute_ns, 0.05, 0.99))
    for _ in range(5):
        assert times.windows() is None
        times.add(10 * minute_ns)
    assert times.windows() == Windows(9 * minute_ns, 12 * minute_ns + 6 * 10**9)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.integers(0, 9)), max_size=400))
def test_the_first_deadline_is_the_least(changes: list[tuple[str, int | None]]) -> None:
    made, plain = Leasts[int](), dict[str, int]()
    for name, at_ns in changes:
        if at_ns is None:
            assert made.drop(name) == (plain.pop(name, None) is not None)
        else:
            made.put(name, at_ns)
            plain[name] = at_ns
        assert made.first() == min(((moment, name) for name, moment in plain.items()), default=None)


@given(STREAMS, st.integers(0, 40))
def test_with_room_for_all_a_request_hits_exactly_within_its_models_window(
    stream: list[tuple[str, int]], load_ns: int
) -> None:
    """Served by a model that was kept, or brought back and *loaded* by then; nothing beyond its time."""
    uses, expected = uses_of(stream), list[bool]()
    last: dict[str, int] = {}
    gaps: dict[str, list[int]] = {}
    for name, at_ns in uses:
        hit = False
        if name in last:
            gap_ns = at_ns - last[name]
            window = plain_windows(gaps.setdefault(name, []), READING) or Windows(0, READING.range_ns)
            earliest_ns = window.from_ns + load_ns if window.from_ns else 0
            hit = earliest_ns <= gap_ns < window.until_ns
            gaps[name].append(gap_ns)
        expected.append(hit)
        last[name] = at_ns
    told: list[bool] = []
    items = {name: Item(name, 1, load_ns) for name in NAMES}
    tally = play(uses, items, Histogram(READING, Lru()), Capacity(len(NAMES)), on_answer=told.append)
    assert told == expected
    assert tally.load_ns == load_ns * (tally.loads + tally.prefetches)


class Watched(Histogram):
    """Knows who is in memory, and refuses what must not happen."""

    def __init__(self, room: int, sizes: dict[str, int]) -> None:
        super().__init__(READING, Lru())
        self.room, self.sizes, self.there = room, sizes, set[str]()
        self.returned: str | None = None

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        assert item.name not in self.there
        self.there.add(item.name)
        taken = sum(self.sizes[name] for name in self.there)
        assert taken <= self.room or len(self.there) == 1
        super().loaded(item, position, now_ns)
        assert self.returned in {None, item.name}

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        assert self.returned is None, "nobody leaves for a model that is merely expected"
        name = super().victim(wanted, busy)
        self.there.discard(name or "")
        return name

    def expired(self, now_ns: int, busy: Container[str]) -> tuple[str, ...]:
        self.returned = None
        over = super().expired(now_ns, busy)
        self.there.difference_update(over)
        return over

    def returning(self, now_ns: int) -> str | None:
        self.returned = super().returning(now_ns)
        return self.returned


@given(STREAMS, st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(1, 4))), st.integers(1, 10))
def test_limits_hold_and_nobody_is_evicted_for_a_guess(
    stream: list[tuple[str, int]], sizes: dict[str, int], room: int
) -> None:
    items = {name: Item(name, sizes[name], 5) for name in NAMES}
    watched = Watched(room, sizes)
    tally = play(uses_of(stream), items, watched, Capacity(room))
    assert tally.requests == tally.hits + tally.loads
    assert tally.loads + tally.prefetches - tally.evictions - tally.expiries == len(watched.there)


def test_a_regular_model_is_brought_back_in_time_where_a_fixed_duration_would_be_too_short() -> None:
    """Every ten minutes: with five minutes of keep_alive each use loads, with the histogram only those it learns by."""
    minute_ns = 60 * 10**9
    uses = [Use("a", at * 10 * minute_ns) for at in range(100)]
    items = {"a": Item("a", 1, 20 * 10**9)}
    tallies = {
        spec: play(uses, items, build_policy(parse_spec(spec), Surroundings(1)), Capacity(1))
        for spec in ("ttl(keep-alive=5m)", "histogram")
    }
    assert tallies["ttl(keep-alive=5m)"].hits == 0
    assert tallies["histogram"].loads == 1
    assert tallies["histogram"].prefetches == 94, "from the fifth gap on it rests between uses"


def test_a_busy_model_outlives_its_time_and_goes_afterwards() -> None:
    policy = Histogram(READING, Lru())
    policy.missed(Item("a", 1, 1), 0, 0)
    policy.loaded(Item("a", 1, 1), 0, 0)
    assert policy.expired(READING.range_ns, {"a"}) == ()
    assert policy.expired(READING.range_ns, ()) == ("a",)
    assert policy.expired(READING.range_ns, ()) == ()


def test_a_range_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="range must be longer than 0"):
        build_policy(parse_spec("histogram(range=0s)"), Surroundings(1))
