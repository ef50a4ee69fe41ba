"""Which models can be loaded at the same time, by what they really take and by what Ollama believes.

A set lives together in Ollama's eyes if there is an order of loading in which nobody is asked to leave. Whether a model
is let in is the scheduler's own plan (`toolkit.host.scheduler`), made with the memory that the models before it hold
and log; so the answer is that of the twin. A set really lives together if in some order nothing spills.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Final, Protocol, Self

from toolkit.fit.predicted import scheduler_model
from toolkit.fit.start import Offload, Started, start
from toolkit.fit.takes import ByHeader
from toolkit.host.scheduler.fit import is_checked, make_plan
from toolkit.host.scheduler.memory import MemoryView, RunnerReport, believed_free
from toolkit.host.scheduler.options import resolve_demand
from toolkit.host.scheduler.requests import Request
from toolkit.host.scheduler.state import HostState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from toolkit.fit.room import Room
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec
    from toolkit.fit.takes import Takes
    from toolkit.host.scheduler.fit import Plan
    from toolkit.host.scheduler.options import Demand
    from toolkit.host.scheduler.specs import ModelSpec

ALL_ORDERS_UP_TO: Final = 4
"""So many models are tried in every order; more only by size, both ways."""
LEAST_CONTEXT: Final = 2048


class Resident(Protocol):
    """A model as it would be loaded. `learned_bytes` are what the host has shown beyond the arithmetic."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def setting(self) -> Setting:
        """What it is started with; the batch is chosen as it is loaded."""

    @property
    def learned_bytes(self) -> int:
        """Bytes beyond the arithmetic (negative: less)."""

    @property
    def model(self) -> ModelSpec:
        """What the scheduler knows of it."""

    @property
    def demand(self) -> Demand:
        """What its requests ask of the runner."""

    @property
    def takes(self) -> Takes:
        """What it really takes."""

    def limited(self, num_ctx: int) -> Self:
        """The same with at most this context."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A model by its header, see `Resident`."""

    name: str
    spec: Spec
    setting: Setting
    learned_bytes: int = 0

    @property
    def model(self) -> ModelSpec:
        """By the header."""
        return scheduler_model(self.spec, self.name)

    @property
    def demand(self) -> Demand:
        """The context of the setting, everything else left to the server."""
        return resolve_demand(self.model, (("num_ctx", self.setting.num_ctx),), self.setting.num_ctx)

    @property
    def takes(self) -> Takes:
        """By the header."""
        return ByHeader(self.spec)

    def limited(self, num_ctx: int) -> Tenant:
        """See `Resident`."""
        return replace(self, setting=replace(self.setting, num_ctx=min(self.setting.num_ctx, num_ctx)))


@dataclass(frozen=True, slots=True)
class Sets:
    """Maximal sets of names, larger first, by each of the two numbers."""

    really: tuple[tuple[str, ...], ...]
    by_ollama: tuple[tuple[str, ...], ...]

    @property
    def both(self) -> tuple[tuple[str, ...], ...]:
        """Maximal sets that hold by both: those that stay and do not spill."""
        return _maximal(set(one) & set(other) for one in self.really for other in self.by_ollama)


def sets_of(tenants: Sequence[Resident], room: Room, most_models: int | None = None) -> Sets:
    """All maximal sets; `most_models` is OLLAMA_MAX_LOADED_MODELS (None: three for each GPU)."""
    most = most_models or 3 * max(len(room.gpus), 1)
    loading = Household(tenants, room)
    return Sets(
        _search(tenants, most, lambda chosen: loading.stays(chosen, believed=False)),
        _search(tenants, most, lambda chosen: loading.stays(chosen, believed=True)),
    )


def pairs_that_swap(tenants: Sequence[Resident], sets: Sets) -> tuple[tuple[str, str], ...]:
    """Pairs of models that cannot be loaded at the same time: each change between them is a swap."""
    together = [set(one) for one in sets.both]
    names = sorted({tenant.name for tenant in tenants})
    return tuple(pair for pair in combinations(names, 2) if not any(set(pair) <= one for one in together))


def contexts_for_all(tenants: Sequence[Resident], room: Room, most_models: int | None = None) -> dict[str, int] | None:
    """A context for each model with which all stay, by both numbers; None if not even 2048 is short enough.

    One common limit is halved until it works; a model whose context is shorter anyway keeps it.
    """
    everyone = tuple(sorted(tenant.name for tenant in tenants))
    limit = max((tenant.setting.num_ctx for tenant in tenants), default=0)
    while limit >= LEAST_CONTEXT:
        tried = tuple(tenant.limited(limit) for tenant in tenants)
        if everyone in sets_of(tried, room, most_models).both:
            return {tenant.name: tenant.setting.num_ctx for tenant in tried}
        limit //= 2
    return None


class Household:
    """Loads models one after the other onto an empty host, and remembers what each of them takes."""

    def __init__(self, residents: Iterable[Resident], room: Room) -> None:
        self._room = room
        self._specs = room.specs()
        self._residents = {one.model.digest: one for one in residents}

    def stays(self, chosen: Sequence[Resident], *, believed: bool) -> bool:
        """True if some order loads all of them without an eviction (`believed`), or without spilling (otherwise)."""
        return any(self.loads(order, believed=believed) for order in _orders(chosen))

    def admits(self, wanted: Resident, others: Sequence[Resident]) -> bool:
        """True if the server lets `wanted` in beside the others, in some order of having loaded those."""
        return any(self.loads((*order, wanted), believed=True) for order in _orders(others))

    def alone(self, one: Resident) -> tuple[Plan, Started]:
        """How the server starts a model on the empty host."""
        free = self._room.free_bytes
        plan = make_plan(self._state(one), Request(one.name, one.model, one.demand), self._view(one, free, (), 0))
        return plan, self._start(one, plan, free)

    def loads(self, order: Sequence[Resident], *, believed: bool) -> bool:
        """True if this order does."""
        room, held, host_bytes = self._room, [0] * len(self._specs), 0
        reports: list[RunnerReport] = []
        for one in order:
            free = [max(gpu.free_bytes - used, 0) for gpu, used in zip(room.gpus, held, strict=True)]
            request = Request(one.name, one.model, one.demand)
            plan = make_plan(self._state(one), request, self._view(one, free, reports, host_bytes))
            if believed and reports and is_checked(request, plan) and not plan.fits():
                return False
            if not believed and room.gpus and self._spills(one, plan, free):
                return False
            if len(reports) == len(order) - 1:  # nobody comes after it
                return True
            report = self._start(one, plan, free).report(_positions(one, plan))
            reports.append(report)
            for gpu, share in (*report.vram_by_gpu, *report.unsaid_by_gpu):
                held[gpu] += share
                host_bytes += share if self._specs[gpu].integrated else 0
            host_bytes += report.total_bytes - report.vram_bytes
        return True

    def need_bytes(self, model: ModelSpec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
        """What the rule of v0.24 asks for: all of it on one GPU."""
        one = self._residents[model.digest]
        setting = replace(one.setting, num_ctx=num_ctx, parallel=num_parallel, batch=num_batch)
        return one.takes.estimate(replace(setting, n_gpu=1, n_gpu_layers=None)).gpu_total_bytes

    def gpu_free_bytes(self, now_ns: int) -> Sequence[int]:
        """What nobody has taken yet."""
        del now_ns
        return self._room.free_bytes

    def system_free_bytes(self, now_ns: int) -> int:
        """Of an empty host."""
        del now_ns
        return self._room.system_free_bytes

    def system_total_bytes(self) -> int:
        """Not known."""
        return 0

    def _state(self, one: Resident) -> HostState:
        """A server that grants the slots of the setting."""
        settings = replace(self._room.settings, num_parallel=one.setting.parallel)
        return HostState(self._specs, settings, self, self._room.rules, None)

    def _view(self, one: Resident, free: Sequence[int], reports: Sequence[RunnerReport], host_bytes: int) -> MemoryView:
        gpus = believed_free(self._specs, free, reports) if one.demand.options.num_gpu != 0 else ()
        return MemoryView(gpus, max(self._room.system_free_bytes - host_bytes, 0))

    def _start(self, one: Resident, plan: Plan, free: Sequence[int]) -> Started:
        given = [free[gpu] for gpu in _positions(one, plan)]
        return start(one.takes, _planned(one, plan), given, self._room.reserve, one.learned_bytes)

    def _spills(self, one: Resident, plan: Plan, free: Sequence[int]) -> bool:
        """True if layers would be left on the host; which, is not asked."""
        given = tuple(free[gpu] for gpu in _positions(one, plan))
        reserve = self._room.reserve.bytes
        return not given or not Offload(one.takes, _planned(one, plan), given, reserve, one.learned_bytes).whole()


def _planned(one: Resident, plan: Plan) -> Setting:
    """The setting that the server starts a model with."""
    num_gpu = one.demand.options.num_gpu
    return replace(
        one.setting,
        num_ctx=plan.num_ctx,
        parallel=plan.num_parallel,
        batch=plan.num_batch,
        n_gpu_layers=num_gpu if num_gpu > 0 else None,
    )


def _positions(one: Resident, plan: Plan) -> tuple[int, ...]:
    return tuple(gpu.position for gpu in plan.placement.gpus) if one.demand.options.num_gpu != 0 else ()


def _search(
    tenants: Sequence[Resident], most: int, fits: Callable[[Sequence[Resident]], bool]
) -> tuple[tuple[str, ...], ...]:
    """Sets that fit and are part of no larger one, larger first."""
    found: list[frozenset[str]] = []
    for size in range(min(len(tenants), most), 0, -1):
        for chosen in combinations(tenants, size):
            names = frozenset(tenant.name for tenant in chosen)
            if not any(names <= larger for larger in found) and fits(chosen):
                found.append(names)
    return tuple(tuple(sorted(names)) for names in found)


def _maximal(sets: Iterable[set[str]]) -> tuple[tuple[str, ...], ...]:
    found: list[frozenset[str]] = []
    for names in sorted({frozenset(names) for names in sets if names}, key=lambda names: (-len(names), sorted(names))):
        if not any(names <= larger for larger in found):
            found.append(names)
    return tuple(tuple(sorted(names)) for names in found)


def _orders(chosen: Sequence[Resident]) -> Iterator[Sequence[Resident]]:
    by_size = sorted(chosen, key=lambda one: (one.model.file_bytes, one.name))
    if len(by_size) <= ALL_ORDERS_UP_TO:
        yield from permutations(by_size)
    else:
        yield by_size
        yield by_size[::-1]
