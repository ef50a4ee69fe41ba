"""What a directive costs, and how long the offline ceiling takes for a day of requests."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest

from toolkit.cache.manager import CacheManager, build_manager
from toolkit.cache.offline_search import best_saving
from toolkit.cache.offline_sets import exact_hits
from toolkit.cache.offline_slots import lru_hits, min_hits
from toolkit.cache.offline_stays import Limits, stays_of
from toolkit.cache.registry import StrategyContext
from toolkit.cache.room import SizedRoom, SlotRoom
from toolkit.cache.strategy import Access, Answer

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from toolkit.cache.strategy import Room

REQUESTS = 16_000


def requests(models: int) -> list[str]:
    """Skewed and bursty, like the recorded traces: a few models have most requests, and runs of one are common."""
    draw = random.Random(models)
    names = [f"m{index}" for index in range(models)]
    drawn: list[str] = []
    while len(drawn) < REQUESTS:
        drawn += [names[min(int(draw.expovariate(3 / models)), models - 1)]] * draw.randint(1, 4)
    return drawn[:REQUESTS]


def test_lru_on_slots(benchmark: BenchmarkFixture) -> None:
    assert 0 < benchmark(lru_hits, requests(78), 4) < REQUESTS


def test_the_optimum_on_slots_takes_well_under_a_tenth_of_a_second(benchmark: BenchmarkFixture) -> None:
    assert 0 < benchmark(min_hits, requests(78), 4) < REQUESTS
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 0.1


@pytest.mark.parametrize(
    "room",
    [SlotRoom(4), SizedRoom({f"m{index}": 4 + 3 * index for index in range(8)}, 40)],
    ids=["four slots", "sizes"],
)
def test_the_optimum_over_sets_of_eight_models_takes_under_a_second(benchmark: BenchmarkFixture, room: Room) -> None:
    assert 0 < benchmark.pedantic(exact_hits, (requests(8), room), rounds=3) < REQUESTS
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 1


@pytest.mark.parametrize("objective", ["hits", "load time"])
def test_the_optimum_for_twenty_models_of_different_sizes_is_exact_in_seconds(
    benchmark: BenchmarkFixture, objective: str
) -> None:
    count = REQUESTS if benchmark.enabled else 1_000
    asked = requests(20)[:count]
    draw = random.Random(1)
    sizes = {name: draw.randint(3_000, 20_000) for name in sorted(set(asked))}
    worth = dict.fromkeys(sizes, 1) if objective == "hits" else {name: 7 + size // 9 for name, size in sizes.items()}
    found = benchmark.pedantic(
        lambda: best_saving(stays_of(asked, Limits(sizes, 40_000), worth), effort=10**9), rounds=1
    )
    assert found.reached == found.most
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 30


@pytest.mark.parametrize("name", ["ram", "lru-unload"])
def test_a_request_costs_the_manager_microseconds(benchmark: BenchmarkFixture, name: str) -> None:
    manager = build_manager(name, "lru", StrategyContext(max_models=3))
    numbers = itertools.count()
    models = itertools.cycle(requests(8))

    def one_request(manager: CacheManager) -> None:
        number = next(numbers)
        access = Access(str(number), next(models), number)
        manager.directive_for(access)
        manager.finished(access, Answer(number, None, ok=True))

    benchmark(one_request, manager)
    assert manager.stats().accesses > 0
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 100e-6
