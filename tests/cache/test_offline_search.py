"""The search over stays, against trying everything: sizes, counts, costs, busy models."""

from __future__ import annotations

import random
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.cache.offline_prices import prices_of
from toolkit.cache.offline_search import Saved, best_saving
from toolkit.cache.offline_sets import exact_hits
from toolkit.cache.offline_slots import min_hits
from toolkit.cache.offline_stays import Limits, stays_of
from toolkit.cache.room import SizedRoom
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS = "abcdef"
SEQUENCES = st.lists(st.sampled_from(MODELS), max_size=13)
LIMITS = st.builds(
    Limits,
    st.fixed_dictionaries(dict.fromkeys(MODELS, st.integers(1, 9))),
    st.integers(1, 30),
    st.none() | st.integers(1, 4),
)
WORTH = st.fixed_dictionaries(dict.fromkeys(MODELS, st.integers(1, 20)))


def by_trying_everything(
    requests: Sequence[str], limits: Limits, worth: dict[str, int], busy_until: Sequence[int] | None = None
) -> int:
    """Every part of what is resident may stay at every load, but for busy models; None of them fits: no solution."""
    until = busy_until or [at + 1 for at in range(len(requests))]

    def fits(names: frozenset[str]) -> bool:
        if len(names) == 1:
            return True
        if limits.models is not None and len(names) > limits.models:
            return False
        return sum(limits.sizes[name] for name in names) <= limits.capacity

    @cache
    def best(now: int, resident: frozenset[str]) -> float:
        if now == len(requests):
            return 0
        model = requests[now]
        if model in resident:
            return worth[model] + best(now + 1, resident)
        busy = frozenset(requests[at] for at in range(now) if until[at] > now)
        parts = (frozenset(part) for size in range(len(resident) + 1) for part in combinations(sorted(resident), size))
        return max(
            (best(now + 1, part | {model}) for part in parts if busy <= part and fits(part | {model})),
            default=float("-inf"),
        )

    found = best(0, frozenset())
    if found == float("-inf"):
        raise UsageError("no room beside the busy models")
    return int(found)


@given(SEQUENCES, LIMITS, WORTH)
@settings(max_examples=120)
def test_the_optimum_for_sizes_counts_and_costs(requests: list[str], limits: Limits, worth: dict[str, int]) -> None:
    best = by_trying_everything(requests, limits, worth)
    assert best_saving(stays_of(requests, limits, worth)) == Saved(best, best)


@given(SEQUENCES, LIMITS, WORTH, st.data())
@settings(max_examples=120)
def test_busy_models_cannot_leave(
    requests: list[str], limits: Limits, worth: dict[str, int], data: st.DataObject
) -> None:
    until = [at + data.draw(st.integers(1, 4)) for at in range(len(requests))]
    try:
        best = by_trying_everything(requests, limits, worth, until)
    except UsageError:
        with pytest.raises(UsageError, match="has no room beside the models that are busy"):
            stays_of(requests, limits, worth, until)
        return
    assert best_saving(stays_of(requests, limits, worth, until)) == Saved(best, best)


@pytest.mark.parametrize("seed", range(6))
def test_long_sequences_agree_with_the_search_over_resident_sets(seed: int) -> None:
    """Long enough for every rule of pruning to drop states; sets and stays share no code."""
    rng = random.Random(seed)
    requests = drawn(9, 400)
    sizes = {name: rng.randint(1, 12) for name in sorted(set(requests))}
    room = SizedRoom(sizes, rng.randint(14, 40), rng.choice([None, 4]))
    limits = Limits(sizes, room.capacity_bytes, room.max_models)
    best = exact_hits(requests, room)
    assert best_saving(stays_of(requests, limits, dict.fromkeys(sizes, 1))) == Saved(best, best)


@given(st.lists(st.sampled_from(MODELS), max_size=60), LIMITS, WORTH, st.integers(1, 4), st.integers(1, 200))
@settings(max_examples=40)
def test_both_ends_hold_whatever_the_effort(
    requests: list[str], limits: Limits, worth: dict[str, int], width: int, effort: int
) -> None:
    stays = stays_of(requests, limits, worth)
    exact = best_saving(stays)
    hasty = best_saving(stays, widths=(width,), effort=effort)
    assert exact.reached == exact.most
    assert hasty.reached <= exact.reached <= hasty.most


@given(st.lists(st.sampled_from(MODELS), min_size=1, max_size=60), LIMITS, WORTH)
@settings(max_examples=40)
def test_prices_bound_what_can_be_saved(requests: list[str], limits: Limits, worth: dict[str, int]) -> None:
    stays = stays_of(requests, limits, worth)
    assert best_saving(stays).most - stays.sure <= prices_of(stays).bound + 1e-6


def drawn(models: int, count: int) -> list[str]:
    rng = random.Random(models)
    weights = [1 / (rank + 1) for rank in range(models)]
    return rng.choices([f"m{rank}" for rank in range(models)], weights, k=count)


def test_equal_slots_are_belady_s_over_several_windows() -> None:
    requests = drawn(12, 5_000)
    found = best_saving(stays_of(requests, Limits(dict.fromkeys(requests, 1), 3), dict.fromkeys(requests, 1)))
    assert found == Saved(min_hits(requests, 3), min_hits(requests, 3))


def test_twenty_models_of_different_sizes_and_costs_are_exact() -> None:
    requests = drawn(20, 1_500)
    rng = random.Random(1)
    sizes = {name: rng.randint(3_000, 20_000) for name in sorted(set(requests))}
    found = best_saving(stays_of(requests, Limits(sizes, 48_000, 4), sizes))
    assert found.reached == found.most
