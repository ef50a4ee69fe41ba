"""The lab's speed: requests a second of a cache alone and of a queue, beside simpy and libcachesim; memory; growth.

Figures of different code are taken in turns in one run and compared as ratios, so that the machine's other work falls
on all of them alike. With benchmarks switched off each is made once, small, and only its answer is checked.
"""

from __future__ import annotations

import itertools
import random
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
import simpy

from toolkit.cache.disciplines.fcfs import FirstCome
from toolkit.cache.disciplines.places import Places
from toolkit.cache.disciplines.registry import DISCIPLINES, build_discipline
from toolkit.cache.policies.base import Item
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.registry import POLICIES, build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.lab.cache import Capacity, Use, play
from toolkit.lab.queue import Job, Residents, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_benchmark.fixture import BenchmarkFixture

LOAD_NS = 22_000_000_000
SLOTS = 4
MODELS = 78
ROUNDS = 3


def names(models: int, count: int) -> list[str]:
    """The recorded trace's shape: three changes of model in four requests, five models of 78 have 70 % of them."""
    rng = random.Random(models)
    weights = [1 / (rank + 1) ** 1.3 for rank in range(models)]
    drawn = rng.choices([f"m{rank}" for rank in range(models)], weights, k=count)
    return [drawn[at] if rng.random() < 0.85 or not at else drawn[at - 1] for at in range(count)]


def jobs_of(asked: Sequence[str]) -> list[Job]:
    """The host is busy for most of the time, and now and then a queue builds up."""
    rng = random.Random(5)
    at_ns, jobs = 0, []
    for name in asked:
        at_ns += int(rng.expovariate(1 / 24e9))
        jobs.append(Job(at_ns, name, int(rng.expovariate(1 / 10e9))))
    return jobs


def items_of(asked: Sequence[str]) -> dict[str, Item]:
    return {name: Item(name, 1, LOAD_NS) for name in sorted(set(asked))}


def seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def in_turns(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The least seconds of each, taken in turns."""
    taken = [[seconds(work) for work in works] for _ in range(rounds)]
    return [min(column) for column in zip(*taken, strict=True)]


def served(jobs: Sequence[Job], items: Mapping[str, Item]) -> tuple[int, int]:
    """Loads, and the sum of all waits in nanoseconds."""
    loads = wait_ns = 0
    for start in serve(jobs, Residents(items, Lru(), Capacity(SLOTS)), FirstCome()):
        loads += start.loaded
        wait_ns += start.start_ns - start.arrived_ns
    return loads, wait_ns


def served_by_simpy(jobs: Sequence[Job]) -> tuple[int, int]:
    """The same host, written the way that simpy's documentation writes a queue for one resource."""
    environment = simpy.Environment()
    host = simpy.Resource(environment, capacity=1)
    resident: dict[str, None] = {}
    loads = wait_ns = 0

    def request(job: Job) -> Iterator[Any]:
        nonlocal loads, wait_ns
        with host.request() as turn:
            yield turn
            if job.model in resident:
                del resident[job.model]
            else:
                loads += 1
                if len(resident) == SLOTS:
                    del resident[next(iter(resident))]
                yield environment.timeout(LOAD_NS)
            resident[job.model] = None
            wait_ns += int(environment.now) - job.at_ns
            yield environment.timeout(job.service_ns)

    def arrivals() -> Iterator[Any]:
        for job in jobs:
            yield environment.timeout(job.at_ns - int(environment.now))
            environment.process(request(job))  # type: ignore[arg-type]  # it wants a Generator, an Iterator does

    environment.process(arrivals())  # type: ignore[arg-type]  # as above
    environment.run()
    return loads, wait_ns


def test_a_cache_alone_plays_several_hundred_thousand_requests_a_second(benchmark: BenchmarkFixture) -> None:
    asked = names(MODELS, 200_000 if benchmark.enabled else 2_000)
    uses, items = [Use(name, at) for at, name in enumerate(asked)], items_of(asked)
    tally = benchmark.pedantic(lambda: play(uses, items, Lru(), Capacity(SLOTS)), rounds=5)
    assert tally.hits + tally.loads == len(uses)
    if benchmark.stats is not None:
        benchmark.extra_info["requests_per_s"] = round(len(uses) / benchmark.stats.stats.min)
        assert benchmark.stats.stats.min < len(uses) / 300_000


def test_a_queue_serves_hundreds_of_thousands_a_second(benchmark: BenchmarkFixture) -> None:
    asked = names(MODELS, 200_000 if benchmark.enabled else 2_000)
    jobs, items = jobs_of(asked), items_of(asked)
    loads, _ = benchmark.pedantic(lambda: served(jobs, items), rounds=5)
    assert 0 < loads < len(jobs)
    if benchmark.stats is not None:
        benchmark.extra_info["requests_per_s"] = round(len(jobs) / benchmark.stats.stats.min)
        assert benchmark.stats.stats.min < len(jobs) / 200_000  # thrice that on a quiet machine


def test_the_queue_beside_simpy(benchmark: BenchmarkFixture) -> None:
    """The same answer to the nanosecond, several times as fast."""
    asked = names(MODELS, 20_000 if benchmark.enabled else 1_000)
    jobs, items = jobs_of(asked), items_of(asked)
    assert served(jobs, items) == served_by_simpy(jobs)
    benchmark.pedantic(served, (jobs, items), rounds=1)
    if benchmark.enabled:
        ours, theirs = in_turns(lambda: served(jobs, items), lambda: served_by_simpy(jobs))
        benchmark.extra_info["simpy_takes_times"] = round(theirs / ours, 1)
        assert ours < theirs


def test_the_cache_beside_libcachesim(benchmark: BenchmarkFixture) -> None:
    """Fed request by request from Python, which is how a lab with clocks and busy models must feed it."""
    libcachesim: Any = pytest.importorskip("libcachesim", reason="libcachesim has no wheel for this platform")
    asked = names(MODELS, 50_000 if benchmark.enabled else 1_000)
    items = items_of(asked)
    uses = [Use(name, at) for at, name in enumerate(asked)]
    numbers = {name: at for at, name in enumerate(items, 1)}

    def theirs() -> int:
        cache = libcachesim.LRU(cache_size=SLOTS, hashpower=12)
        hits = 0
        for at, name in enumerate(asked):
            request = libcachesim.Request(obj_id=numbers[name], obj_size=1)
            request.clock_time = at
            hits += cache.get(request)
        return hits

    assert play(uses, items, Lru(), Capacity(SLOTS)).hits == theirs()
    benchmark.pedantic(play, (uses, items, Lru(), Capacity(SLOTS)), rounds=1)
    if benchmark.enabled:
        mine, other = in_turns(lambda: play(uses, items, Lru(), Capacity(SLOTS)), theirs)
        benchmark.extra_info["libcachesim_takes_times"] = round(other / mine, 2)


@pytest.mark.parametrize("policy", [entry.name for entry in POLICIES])
def test_the_cost_of_a_request_does_not_grow_with_the_models(benchmark: BenchmarkFixture, policy: str) -> None:
    """From 100 models to 10,000, a tenth of them resident: at most logarithmically, so less than threefold.

    But `next-use`, from an empty cache on, has to look at the more models the less it has seen of them.
    """
    count = 40_000 if benchmark.enabled else 500
    works = []
    for models in (100, 10_000):
        asked = names(models, count)
        gap_ns = 24 * 10**9 * MODELS // models  # each model as often as on the trace, for those that go by time
        uses, items = [Use(name, at * gap_ns) for at, name in enumerate(asked)], items_of(asked)
        room = max(4, models // 10)

        def work(uses: list[Use] = uses, items: dict[str, Item] = items, room: int = room) -> int:
            return play(uses, items, build_policy(parse_spec(policy), Surroundings(room)), Capacity(room)).requests

        works.append(work)
    assert works[0]() == benchmark.pedantic(works[1], rounds=1) == count
    if benchmark.enabled:
        few, many = in_turns(*works)
        benchmark.extra_info["times_as_long_with_10000_models"] = round(many / few, 2)
        assert many < (6 if policy == "next-use" else 3) * few


@pytest.mark.parametrize("discipline", [entry.name for entry in DISCIPLINES])
def test_the_cost_of_a_choice_does_not_grow_with_the_models(benchmark: BenchmarkFixture, discipline: str) -> None:
    """From 100 models to 10,000, a tenth of them resident; as much to do at any time, so that queues are alike."""
    count = 10_000 if benchmark.enabled else 300
    works = []
    for models in (100, 10_000):
        asked = names(models, count)
        items, room = items_of(asked), models // 10
        found: list[bool] = []
        play([Use(name, 0) for name in asked], items, Lru(), Capacity(room), on_answer=found.append)
        rng, at_ns, jobs = random.Random(3), 0.0, []
        for name, is_there in zip(asked, found, strict=True):
            at_ns += rng.expovariate(0.9 / (10e9 + (0 if is_there else LOAD_NS)))
            jobs.append(Job(int(at_ns), name, int(rng.expovariate(1 / 10e9))))

        def work(jobs: list[Job] = jobs, items: dict[str, Item] = items, room: int = room) -> int:
            made = build_discipline(parse_spec(discipline), Places(items, room))
            return sum(1 for _ in serve(jobs, Residents(items, Lru(), Capacity(room)), made))

        works.append(work)
    assert works[0]() == benchmark.pedantic(works[1], rounds=1) == count
    if benchmark.enabled:
        few, many = in_turns(*works)
        benchmark.extra_info["requests_per_s"] = round(count / many)
        benchmark.extra_info["times_as_long_with_10000_models"] = round(many / few, 2)
        assert many < 3 * few


def test_the_cost_is_linear_in_requests(benchmark: BenchmarkFixture) -> None:
    count = 50_000 if benchmark.enabled else 500
    asked = names(MODELS, 8 * count)
    jobs, items = jobs_of(asked), items_of(asked)
    loads, _ = benchmark.pedantic(served, (jobs, items), rounds=1)
    assert loads > served(jobs[:count], items)[0]
    if benchmark.enabled:
        once, eightfold = in_turns(lambda: served(jobs[:count], items), lambda: served(jobs, items))
        benchmark.extra_info["eight_times_the_requests_take_times"] = round(eightfold / once, 1)
        assert eightfold < 16 * once


def endless_jobs(items: Sequence[str]) -> Iterator[Job]:
    """Generated, not stored; never more than the host can serve, so that no queue grows."""
    rng = random.Random(9)
    count = len(items)
    for number in itertools.count():
        name = items[min(int(rng.random() ** 4 * count), count - 1)]
        yield Job(number * 40_000_000_000, name, 5_000_000_000)


@pytest.mark.parametrize(
    "policy", ["lru", "lfu", "gdsf", "lrfu", "lru-k", "s3fifo", "arc", "next-use", "markov", "ttl"]
)
def test_memory_is_flat(policy: str) -> None:
    """Ten times the requests take no more memory: a hundred million would not either."""
    items = {f"m{rank}": Item(f"m{rank}", 1, LOAD_NS) for rank in range(16)}  # few: all pairs have soon been seen

    def peak_bytes(count: int) -> int:
        residents = Residents(items, build_policy(parse_spec(policy), Surroundings(SLOTS)), Capacity(SLOTS))
        starts = serve(endless_jobs(tuple(items)), residents, FirstCome())
        tracemalloc.start()
        for start in itertools.islice(starts, count):
            assert start.start_ns >= start.arrived_ns
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(15_000) < 1.5 * peak_bytes(1_500) + 32_768


def test_ten_million_generated_requests(benchmark: BenchmarkFixture) -> None:
    """About half a minute; the process does not grow by a megabyte."""
    count = 10_000_000 if benchmark.enabled else 10_000
    items = {f"m{rank}": Item(f"m{rank}", 1, LOAD_NS) for rank in range(MODELS)}

    def stream() -> int:
        residents = Residents(items, Lru(), Capacity(SLOTS))
        return sum(1 for _ in itertools.islice(serve(endless_jobs(tuple(items)), residents, FirstCome()), count))

    before = resident_bytes()
    assert benchmark.pedantic(stream, rounds=1) == count
    if benchmark.enabled and before is not None:
        grown = (resident_bytes() or 0) - before
        benchmark.extra_info["grown_bytes"] = grown
        assert grown < 4 << 20


def resident_bytes() -> int | None:
    """Of this process; None where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path of ours
            return int(file.read().split()[1]) * 4096
    except OSError:
        return None
