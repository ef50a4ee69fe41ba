"""Traffic on the simulated host under a strategy, and what a policy alone would have done with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import parse_spec
from toolkit.cache.strategy import HostView
from toolkit.config.models import Config
from toolkit.experiment.setup import setup_from_config, with_equal_places
from toolkit.experiment.simulate import twin_provenance
from toolkit.replay.dispatch import Dispatcher
from toolkit.replay.virtual import play
from toolkit.workload.plan import Plan, PlannedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.cache.policies.base import Item
    from toolkit.cache.strategy import Access, Answer, Directive, Strategy
    from toolkit.experiment.setup import Setup
    from toolkit.replay.records import Run

S = 1_000_000_000
MODELS = ("a:1b", "b:1b", "c:1b", "d:1b", "e:1b", "f:1b")
APART_NS = 60 * S
"""Far enough apart that every request finds a quiet host, near enough that nothing expires."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request: when it comes, for which of the models, and how long its answer takes."""

    at_ns: int
    model: str
    service_ns: int = S


def one_at_a_time(models: Sequence[str]) -> list[Visit]:
    """The requests so far apart that each is over before the next."""
    return [Visit(number * APART_NS, model) for number, model in enumerate(models)]


def plan_of(visits: Sequence[Visit]) -> Plan:
    """A plan of these requests."""
    requests = tuple(
        PlannedRequest(
            str(number), visit.at_ns, None, 0, "hello", None, 100, 0, 10, visit.model, None, None, visit.service_ns
        )
        for number, visit in enumerate(visits)
    )
    return Plan("traffic", "", requests, max((visit.at_ns for visit in visits), default=0), 1, (), "", "", ())


@cache
def host(slots: int) -> Setup:
    """A host with all of the models, on so many equal places; made once, as it is the same for all traffic."""
    return with_equal_places(setup_from_config(Config(), None), plan_of(one_at_a_time(MODELS)), slots)


def played(visits: Sequence[Visit], slots: int, strategy: Callable[[Setup], Strategy]) -> Run:
    """The traffic on `slots` equal places under a strategy."""
    plan, setup = plan_of(visits), host(slots)
    made = strategy(setup)
    return play(
        plan,
        Dispatcher(setup.router, made, {}),
        setup.spec,
        strategy=made.name,
        repetition=0,
        provenance=twin_provenance(setup, plan, 1),
    )


def departures(run: Run) -> list[tuple[str, ...]]:
    """Who left for each request, by unload calls or by the server's choice."""
    return [record.unloaded_before + record.evicted for record in run.records]


def pure_departures(spec: str, models: Sequence[str], slots: int, item: Callable[[str], Item]) -> list[tuple[str, ...]]:
    """Who leaves for each request under the policy alone."""
    policy = build_policy(parse_spec(spec), Surroundings(slots))
    resident: set[str] = set()
    told = []
    for position, model in enumerate(models):
        left: tuple[str, ...] = ()
        if model in resident:
            policy.hit(item(model), position, position * APART_NS)
        else:
            policy.missed(item(model), position, position * APART_NS)
            if len(resident) == slots:
                victim = policy.victim(item(model), ())
                assert victim is not None
                resident.discard(victim)
                left = (victim,)
            policy.loaded(item(model), position, position * APART_NS)
            resident.add(model)
        told.append(left)
    return told


@dataclass(slots=True)
class Crashing:
    """A client that dies before its n-th request and comes back knowing nothing, not even what it had under way."""

    build: Callable[[], Strategy]
    dies_before: int
    name: str = "crashing"
    reads_memory: bool = True
    inner: Strategy = field(init=False)
    _count: int = 0
    _own: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inner = self.build()

    def before(self, access: Access, view: HostView) -> Directive:
        """What the client that lives now wants."""
        if self._count == self.dies_before:
            self.inner, self._own = self.build(), {}
        self._count += 1
        under_way = list(self._own.values())
        known = tuple((model, under_way.count(model)) for model in dict.fromkeys(under_way))
        directive = self.inner.before(access, HostView(view.loaded, known))
        self._own[access.request_id] = access.model
        return directive

    def after(self, access: Access, answer: Answer) -> None:
        """Answers to a dead client reach nobody."""
        if self._own.pop(access.request_id, None) is not None:
            self.inner.after(access, answer)
