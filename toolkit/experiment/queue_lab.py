"""The lab with a queue: one stream of requests through each policy behind each discipline, one request at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.cache.disciplines.places import Places
from toolkit.cache.disciplines.registry import build_discipline
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import Spec
from toolkit.errors import UsageError
from toolkit.lab.queue import Residents, serve
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolkit.cache.policies.base import Item
    from toolkit.experiment.lab import Stream
    from toolkit.lab.cache import Capacity
    from toolkit.lab.queue import Job, Start

NS_PER_S = 1e9
BASE_POLICY, BASE_DISCIPLINE = Spec("lru"), Spec("fcfs")
"""What lateness is held against, and what everybody has: first come first served, least recently used."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Jobs in order of arrival, what each model is, and the room there is."""

    name: str
    jobs: tuple[Job, ...]
    items: Mapping[str, Item]
    digests: Mapping[str, str]
    capacity: Capacity
    notes: tuple[str, ...] = ()

    def part(self, first: float, last: float) -> Traffic:
        """The jobs from one share of them to another; nothing of the rest is known there.

        Raises:
            UsageError: no job is left.
        """
        count = len(self.jobs)
        jobs = self.jobs[round(first * count) : round(last * count)]
        if not jobs:
            raise UsageError(f"the part from {first:g} to {last:g} of {count} requests is empty; give it more")
        return replace(self, jobs=jobs)


@dataclass(frozen=True, slots=True)
class QueueTally:
    """How a policy behind a discipline did.

    Waits are from the arrival to the model in hand, in seconds. `latest_s` is the most that anybody started later than
    under the base (LRU, first come first served): what a bound on overtaking must answer for. 0 where nobody was later.
    """

    policy: str
    discipline: str
    requests: int
    swaps: int
    mean_s: float
    p50_s: float
    p95_s: float
    max_s: float
    latest_s: float


@dataclass(frozen=True, slots=True)
class QueueReport:
    """All combinations, in the order asked for, and the base that they are held against."""

    traffic: Traffic
    base: QueueTally
    rows: tuple[QueueTally, ...]


def run_queue_lab(traffic: Traffic, policies: Sequence[Spec], disciplines: Sequence[Spec]) -> QueueReport:
    """Serve the jobs under each combination. Raises UsageError for what there is not, before anything is served."""
    for discipline in disciplines:
        build_discipline(discipline, _places(traffic))
    for policy in policies:
        build_policy(policy, _around(traffic))
    reference = base_starts(traffic)
    base = tally(traffic, BASE_POLICY, BASE_DISCIPLINE, reference)
    rows = tuple(tally(traffic, policy, discipline, reference) for discipline in disciplines for policy in policies)
    return QueueReport(traffic, base, rows)


def tally(traffic: Traffic, policy: Spec, discipline: Spec, reference_ns: Mapping[int, int]) -> QueueTally:
    """One combination; `reference_ns` says when each job started under the base. There must be a job."""
    waits_s, swaps, latest_ns = [], 0, 0
    for start in _served(traffic, policy, discipline):
        waits_s.append((start.start_ns - start.arrived_ns) / NS_PER_S)
        swaps += start.loaded
        latest_ns = max(latest_ns, start.start_ns - reference_ns[start.number])
    waits_s.sort()
    return QueueTally(
        policy.text,
        discipline.text,
        len(waits_s),
        swaps,
        sum(waits_s) / len(waits_s),
        quantile(waits_s, 0.5),
        quantile(waits_s, 0.95),
        waits_s[-1],
        latest_ns / NS_PER_S,
    )


def base_starts(traffic: Traffic) -> dict[int, int]:
    """When each job starts under the base, by number."""
    return {start.number: start.start_ns for start in _served(traffic, BASE_POLICY, BASE_DISCIPLINE)}


def traffic_of(stream: Stream, capacity: Capacity, load_ns: int | None) -> Traffic:
    """The lab's stream as traffic. `load_ns`: what every load takes, whatever the stream says.

    Raises:
        UsageError: models without sizes (unit mode) have no load times of their own.
    """
    items = stream.items
    if load_ns is not None:
        items = {name: replace(item, load_ns=load_ns) for name, item in items.items()}
    elif all(item.load_ns == 1 for item in items.values()):
        raise UsageError("how long a load takes is not known for models that only count; add --load-time, as in 22s")
    return Traffic(stream.name, stream.jobs(), items, stream.digests, capacity, stream.notes)


def _served(traffic: Traffic, policy: Spec, discipline: Spec) -> Iterable[Start]:
    residents = Residents(traffic.items, build_policy(policy, _around(traffic)), traffic.capacity)
    return serve(traffic.jobs, residents, build_discipline(discipline, _places(traffic)))


def _places(traffic: Traffic) -> Places:
    return Places(traffic.items, traffic.capacity.size_bytes, traffic.capacity.models)


def _around(traffic: Traffic) -> Surroundings:
    return Surroundings(traffic.capacity.size_bytes, traffic.digests, frozenset(traffic.items))
