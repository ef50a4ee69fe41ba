"""Which models can be loaded at the same time, by what they really take and by what Ollama believes.

A set lives together in Ollama's eyes if there is an order of loading in which nobody is asked to leave: the first is
always let in, every further one needs prediction and surcharge within 80 % of what the server believes to be free on
the GPUs that it would place it on. What it believes is the smaller of what the driver reports and the total without
what the loaded runners have logged (which for sliding windows is too little). A set really lives together if in some
order nothing spills.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Final

from toolkit.fit.estimate import estimate
from toolkit.fit.predicted import predict
from toolkit.host.scheduler.batch import FIT_PERCENT
from toolkit.host.scheduler.memory import FreeGpu, MemoryView
from toolkit.host.scheduler.options import RunnerOptions
from toolkit.host.scheduler.placement import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from toolkit.fit.estimate import Estimate
    from toolkit.fit.room import Room
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

ALL_ORDERS_UP_TO: Final = 4
"""So many models are tried in every order; more only by size, both ways."""
LEAST_CONTEXT: Final = 2048
_ANYWHERE: Final = RunnerOptions(0, 0, -1, None, None, 0, 0)
"""Options that leave the choice of a GPU to the server."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A model with the setting that it is started with; the batch is chosen as it is loaded.

    `learned_bytes` are what the host has shown beyond the arithmetic (negative: less).
    """

    name: str
    spec: Spec
    setting: Setting
    learned_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Sets:
    """Maximal sets of names, larger first, by each of the two numbers."""

    really: tuple[tuple[str, ...], ...]
    by_ollama: tuple[tuple[str, ...], ...]

    @property
    def both(self) -> tuple[tuple[str, ...], ...]:
        """Maximal sets that hold by both: those that stay and do not spill."""
        return _maximal(set(one) & set(other) for one in self.really for other in self.by_ollama)


def sets_of(tenants: Sequence[Tenant], room: Room, most_models: int | None = None) -> Sets:
    """All maximal sets; `most_models` is OLLAMA_MAX_LOADED_MODELS (None: three for each GPU)."""
    most = most_models or 3 * max(len(room.gpus), 1)
    loading = _Loading(room)
    return Sets(
        _search(tenants, most, lambda chosen: loading.stays(chosen, believed=False)),
        _search(tenants, most, lambda chosen: loading.stays(chosen, believed=True)),
    )


def pairs_that_swap(tenants: Sequence[Tenant], sets: Sets) -> tuple[tuple[str, str], ...]:
    """Pairs of models that cannot be loaded at the same time: each change between them is a swap."""
    together = [set(one) for one in sets.both]
    names = sorted({tenant.name for tenant in tenants})
    return tuple(pair for pair in combinations(names, 2) if not any(set(pair) <= one for one in together))


def contexts_for_all(tenants: Sequence[Tenant], room: Room, most_models: int | None = None) -> dict[str, int] | None:
    """A context for each model with which all stay, by both numbers; None if not even 2048 is short enough.

    One common limit is halved until it works; a model whose context is shorter anyway keeps it.
    """
    everyone = tuple(sorted(tenant.name for tenant in tenants))
    limit = max((tenant.setting.num_ctx for tenant in tenants), default=0)
    while limit >= LEAST_CONTEXT:
        tried = tuple(_limited(tenant, limit) for tenant in tenants)
        if everyone in sets_of(tried, room, most_models).both:
            return {tenant.name: tenant.setting.num_ctx for tenant in tried}
        limit //= 2
    return None


class _Loading:
    """Loads models one after the other onto an empty host, and remembers what each of them takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._specs = room.specs()
        self._known: dict[tuple[str, Setting, tuple[int, ...]], Estimate] = {}

    def stays(self, chosen: Sequence[Tenant], *, believed: bool) -> bool:
        """True if some order loads all of them without an eviction (`believed`), or without spilling (otherwise)."""
        return any(self._loads(order, believed=believed) for order in _orders(chosen))

    def _loads(self, order: Sequence[Tenant], *, believed: bool) -> bool:
        real, logged = [0] * len(self._specs), [0] * len(self._specs)
        for position, tenant in enumerate(order):
            view = self._view(real, logged)
            free = tuple((gpu.spec, gpu.free_bytes) for gpu in view.gpus)
            prediction = predict(tenant.spec, tenant.setting, free, flash=self._room.flash)
            placement = place(view, _ANYWHERE, prediction.predicted_bytes, spread=False)
            if believed and position and prediction.total_bytes * 100 > placement.available_bytes(0) * FIT_PERCENT:
                return False
            chosen = [gpu.position for gpu in placement.gpus]
            found = self._estimate(tenant, prediction.batch, tuple(max(gpu.free_bytes, 1) for gpu in placement.gpus))
            for number, load in zip(chosen, found.gpus, strict=True):
                real[number] += load.total_bytes + self._room.overhead_bytes
                logged[number] += load.shown_bytes
            real[chosen[0]] += found.projector_bytes + tenant.learned_bytes
            logged[chosen[0]] += tenant.learned_bytes
            if not believed and any(used > spec.total_bytes for used, spec in zip(real, self._specs, strict=True)):
                return False
        return True

    def _view(self, real: Sequence[int], logged: Sequence[int]) -> MemoryView:
        """What the server believes to be free."""
        used = (max(driver, log) for driver, log in zip(real, logged, strict=True))
        gpus = enumerate(zip(self._specs, used, strict=True))
        return MemoryView(tuple(FreeGpu(number, spec, max(spec.total_bytes - n, 0)) for number, (spec, n) in gpus), 0)

    def _estimate(self, tenant: Tenant, batch: int, free_bytes: tuple[int, ...]) -> Estimate:
        setting = replace(tenant.setting, batch=batch, n_gpu=len(free_bytes), n_gpu_layers=None)
        key = (tenant.name, setting, free_bytes if len(free_bytes) > 1 else ())
        if key not in self._known:
            self._known[key] = estimate(tenant.spec, setting, key[2])
        return self._known[key]


def _limited(tenant: Tenant, limit: int) -> Tenant:
    return replace(tenant, setting=replace(tenant.setting, num_ctx=min(tenant.setting.num_ctx, limit)))


def _search(
    tenants: Sequence[Tenant], most: int, fits: Callable[[Sequence[Tenant]], bool]
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


def _orders(chosen: Sequence[Tenant]) -> Iterator[Sequence[Tenant]]:
    by_size = sorted(chosen, key=lambda tenant: (tenant.spec.tensor_bytes, tenant.name))
    if len(by_size) <= ALL_ORDERS_UP_TO:
        yield from permutations(by_size)
    else:
        yield by_size
        yield by_size[::-1]
