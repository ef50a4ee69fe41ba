"""The lab's experiment: one stream of requests through several policies, and the ceiling above them all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from toolkit.cache.offline import ceiling, least_load
from toolkit.cache.policies.base import Item
from toolkit.cache.policies.registry import build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.room import SizedRoom, SlotRoom
from toolkit.cache.spec import Parameters, Spec
from toolkit.errors import UsageError
from toolkit.experiment.items import item_of
from toolkit.experiment.jobs import jobs_of
from toolkit.experiment.order import plans_for
from toolkit.experiment.setup import check_models, setup_from_config
from toolkit.lab.cache import Capacity, Tally, Use, play
from toolkit.lab.drawn import Zipf
from toolkit.lab.watched import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.cache.offline import Ceiling, Floor
    from toolkit.config.models import Config
    from toolkit.experiment.order import Order
    from toolkit.experiment.setup import Setup
    from toolkit.lab.cache import Uses
    from toolkit.lab.queue import Job

OPTIMUM = "opt"
"""Not a policy, as it knows the future; it may stand among the policies to be asked for."""
_OPT = Spec(OPTIMUM)
_ZIPF = "zipf"
_MOST_DRAWN_MODELS = 1_000_000
MOST_REQUESTS_OF_OPTIMUM = 2_000_000
"""It looks at all requests at once: some 200 bytes and 5 µs each."""


@dataclass(frozen=True, slots=True)
class LabReport:
    """What each policy made of the stream, in the order asked for.

    `optimum` (the most hits) and `floor` (the least loading) are None if nobody asked for them; so is `floor` where
    every model loads alike.
    """

    workload: str
    models: int
    requests: int
    capacity: Capacity
    unit: bool
    policies: tuple[tuple[str, Tally], ...]
    optimum: Ceiling | None
    floor: Floor | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests in order, and what each model is.

    `jobs` are the same requests with the time that their answers take, for a queue; they are worked out when asked for.
    """

    name: str
    uses: Uses
    items: Mapping[str, Item]
    digests: Mapping[str, str]
    notes: tuple[str, ...]
    jobs: Callable[[], tuple[Job, ...]]


def _nobody_hears(_played: int) -> None:
    """Nothing is told."""


def run_lab(
    stream: Stream,
    specs: Sequence[Spec],
    capacity: Capacity,
    *,
    unit: bool,
    on_played: Callable[[int], None] = _nobody_hears,
) -> LabReport:
    """Play the stream under each policy. `on_played` hears, now and then, how many requests more were played.

    Raises:
        UsageError: an unknown policy or parameter, or an optimum of too many requests; before anything runs.
    """
    around = Surroundings(capacity.size_bytes, stream.digests, frozenset(stream.items))
    wanted = [spec for spec in specs if spec != _OPT]
    asked = len(wanted) < len(specs)
    if asked and len(stream.uses) > MOST_REQUESTS_OF_OPTIMUM:
        raise UsageError(
            f"opt looks at all requests at once, and {len(stream.uses):,} are too many for it "
            f"(at most {MOST_REQUESTS_OF_OPTIMUM:,}); name other policies, as in --policies lru,arc"
        )
    for spec in wanted:
        build_policy(spec, around)
    tallies = tuple(
        (spec.text, play(watched(stream.uses, on_played), stream.items, build_policy(spec, around), capacity))
        for spec in wanted
    )
    names, room = [name for name, _ in stream.uses] if asked else [], _room(stream, capacity)
    costs = {name: item.load_ns for name, item in stream.items.items()}
    return LabReport(
        stream.name, len(stream.items), len(stream.uses), capacity, unit, tallies,
        ceiling(names, room) if asked else None,
        least_load(names, room, costs) if asked and not unit else None,
        (*_too_large(stream, capacity), *stream.notes),
    )  # fmt: skip


def _too_large(stream: Stream, capacity: Capacity) -> tuple[str, ...]:
    """A sentence on the models that would not fit into an empty memory, if there are any."""
    names = [name for name, item in stream.items.items() if item.size_bytes > capacity.size_bytes]
    if not names:
        return ()
    return (f"Larger than all the room, and so loaded alone, as if they fitted: {', '.join(sorted(names))}.",)


def unit_stream(order: Order, config: Config) -> Stream:
    """The workload with every model of size 1: a trace's own models, or those that the scenario's prompts go to."""
    setup = setup_from_config(config, order.num_ctx)
    plan = plans_for(order, config)[0]
    names = [request.model or setup.router.route(request.text).model for request in plan.requests]
    items = {name: Item(name, 1, 1) for name in dict.fromkeys(names)}
    jobs = partial(jobs_of, plan.requests, names, setup.spec)
    return Stream(plan.name, _uses(plan.requests, names), items, {}, plan.notes, jobs)


def sized_stream(order: Order, config: Config) -> Stream:
    """The workload on the config's models, with what they take on the simulated host, and how long they load.

    Raises:
        UsageError: the simulated host does not have a model that is asked for.
    """
    setup = setup_from_config(config, order.num_ctx)
    plan = plans_for(order, config)[0]
    check_models(setup, plan)
    names = [request.model or setup.router.route(request.text).model for request in plan.requests]
    items = {name: _item(setup, name) for name in dict.fromkeys(names)}
    digests = {model.spec.name: model.spec.digest for model in setup.spec.models}
    jobs = partial(jobs_of, plan.requests, names, setup.spec)
    return Stream(plan.name, _uses(plan.requests, names), items, digests, plan.notes, jobs)


def drawn_stream(spec: Spec, seed: int) -> Stream:
    """Requests that are drawn, not stored, for models that only count: `zipf(requests=100000, models=78, skew=1.3)`.

    Raises:
        UsageError: not that, or more than a million models.
    """
    if spec.name != _ZIPF:
        raise UsageError(f"there is no law {spec.name!r} to draw requests by; write zipf(requests=100000, models=78)")
    given = Parameters(spec)
    requests, models, skew = (
        given.whole("requests", 100_000),
        given.whole("models", 78),
        given.number("skew", 1.3, 0, 10),
    )
    given.finish()
    if models > _MOST_DRAWN_MODELS:
        raise UsageError(f"{models:,} models are too many to draw from; give at most {_MOST_DRAWN_MODELS:,}")
    drawn = Zipf(requests, models, skew, seed)
    items = {name: Item(name, 1, 1) for name in drawn.names}
    return Stream(spec.text, drawn, items, {}, (), _no_jobs)


def _no_jobs() -> tuple[Job, ...]:
    raise UsageError("drawn requests have no answer times, so nobody waits; leave out --disciplines")


def host_capacity_bytes(config: Config) -> int:
    """The memory of the simulated host's GPUs. Raises UsageError if it has none."""
    total = sum(gpu.memory_bytes for gpu in config.twin.gpus)
    if not total:
        raise UsageError("the config's host has no GPU; say how much room there is with --capacity 24GiB")
    return total


def _uses(requests: Sequence[object], names: Sequence[str]) -> tuple[Use, ...]:
    """Requests whose moment depends on answers are taken at that of the request before them."""
    uses: list[Use] = []
    at_ns = 0
    for request, name in zip(requests, names, strict=True):
        at_ns = max(at_ns, getattr(request, "at_ns", None) or 0)
        uses.append(Use(name, at_ns))
    return tuple(uses)


def _item(setup: Setup, name: str) -> Item:
    model = setup.spec.model(name)
    if model is None:
        raise UsageError(f"the twin has no model {name}; describe it under twin.models in the config")
    return item_of(setup.spec, model, setup.options)


def _room(stream: Stream, capacity: Capacity) -> SlotRoom | SizedRoom:
    sizes = {name: item.size_bytes for name, item in stream.items.items()}
    if set(sizes.values()) == {1}:
        return SlotRoom(min(capacity.size_bytes, capacity.models or capacity.size_bytes))
    return SizedRoom(sizes, capacity.size_bytes, capacity.models)
