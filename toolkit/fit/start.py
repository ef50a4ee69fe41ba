"""A process starts beside others: how many layers go to the GPUs that the server gave it, and what it then holds.

The engine's rule (llama.cpp, common/fit.cpp): everything goes to the GPUs if each of them keeps the margin free;
otherwise as many layers as do. Several GPUs get layers in proportion to what is free on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.fit.ps import logged_bytes
from toolkit.host.scheduler.memory import RunnerReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.fit.estimate import Estimate, Load
    from toolkit.fit.setting import Setting
    from toolkit.fit.takes import Takes


@dataclass(frozen=True, slots=True)
class Reserve:
    """What a GPU must have beside the buffers: CUDA's own, and what the engine leaves free as it shares out layers."""

    overhead_bytes: int
    margin_bytes: int

    @property
    def bytes(self) -> int:
        """Both."""
        return self.overhead_bytes + self.margin_bytes


@dataclass(frozen=True, slots=True)
class Started:
    """What a process holds of each GPU it was given (CUDA's own included), and what of it the server reads in its log.

    `host_bytes` is logged for the host; the server counts it only if layers are left there. `left_layers` are those,
    the head counted as one.
    """

    held_bytes: tuple[int, ...]
    logged_bytes: tuple[int, ...]
    host_bytes: int
    left_layers: int

    @property
    def size_bytes(self) -> int:
        """`size` in `/api/ps`."""
        return sum(self.logged_bytes) + (self.host_bytes if self.left_layers else 0)

    def report(self, gpus: Sequence[int]) -> RunnerReport:
        """What the scheduler is told; `gpus` are the positions of those that it gave."""
        beyond = [held - logged for held, logged in zip(self.held_bytes, self.logged_bytes, strict=True)]
        return RunnerReport(
            tuple(zip(gpus, self.logged_bytes, strict=True)),
            sum(self.logged_bytes),
            self.size_bytes,
            tuple(zip(gpus, beyond, strict=True)),
        )


def start(
    takes: Takes, setting: Setting, free_bytes: Sequence[int], reserve: Reserve, learned_bytes: int = 0
) -> Started:
    """Start a model on GPUs with `free_bytes` (none: on the host).

    `learned_bytes` are held and logged by the first GPU beyond the arithmetic. An explicit `n_gpu_layers` is a limit.
    """
    if not free_bytes:
        found = takes.estimate(replace(setting, device="cpu", n_gpu=1, n_gpu_layers=None))
        return Started((), (), _logged(found.host), takes.layers)
    offload = Offload(takes, setting, tuple(free_bytes), reserve.bytes, learned_bytes)
    layers, found = offload.most()
    if not layers:
        found = offload.loaded(0)
    extra = [found.projector_bytes + learned_bytes, *[0] * (len(free_bytes) - 1)] if layers else [0] * len(free_bytes)
    sizes = [load.total_bytes + reserve.overhead_bytes for load in found.gpus]
    held = [min(max(size + more, 0), free) for size, more, free in zip(sizes, extra, free_bytes, strict=True)]
    logged = [max(load.shown_bytes, 0) for load in found.gpus]
    logged[0] = max(logged[0] + (learned_bytes if layers else 0), 0)
    logged = [min(one, most) for one, most in zip(logged, held, strict=True)]
    return Started(tuple(held), tuple(logged), _logged(found.host), takes.layers - layers)


@dataclass(frozen=True, slots=True)
class Offload:
    """A model on GPUs of which so much is free, with more or fewer layers there."""

    takes: Takes
    setting: Setting
    free_bytes: tuple[int, ...]
    reserve_bytes: int
    learned_bytes: int = 0

    def loaded(self, layers: int) -> Estimate:
        """What it takes with so many layers on the GPUs."""
        return self.takes.estimate(self._with(layers), self._shares)

    def held(self, layers: int) -> Estimate | None:
        """The same, or None if a GPU would not keep its reserve; weights and caches come first, as they are cheap."""
        certain = self.takes.certain_bytes(self._with(layers), self._shares)
        beside = self.reserve_bytes + min(self.learned_bytes, 0)
        if any(least + beside > free for least, free in zip(certain, self.free_bytes, strict=True)):
            return None
        found = self.loaded(layers)
        return found if holds(found, self.free_bytes, self.reserve_bytes, self.learned_bytes) else None

    def whole(self) -> Estimate | None:
        """The load of all layers, or None if some must stay on the host."""
        return self.held(self.takes.layers) if self._wanted == self.takes.layers else None

    def most(self) -> tuple[int, Estimate]:
        """The most layers with which every GPU keeps its reserve, and their load; found by bisection."""
        everything = self.held(self._wanted)
        if everything is not None:
            return self._wanted, everything
        low, high, best = 0, self._wanted - 1, None
        while low < high:
            middle = (low + high + 1) // 2
            found = self.held(middle)
            if found is not None:
                low, best = middle, found
            else:
                high = middle - 1
        return low, best or self.loaded(0)

    @property
    def _wanted(self) -> int:
        """An explicit `n_gpu_layers` is a limit."""
        most = self.takes.layers
        return most if self.setting.n_gpu_layers is None else min(self.setting.n_gpu_layers, most)

    @property
    def _shares(self) -> tuple[int, ...]:
        return tuple(max(free, 1) for free in self.free_bytes) if len(self.free_bytes) > 1 else ()

    def _with(self, layers: int) -> Setting:
        some = None if layers == self.takes.layers else layers
        return replace(self.setting, n_gpu=len(self.free_bytes), n_gpu_layers=some)


def holds(found: Estimate, free_bytes: Sequence[int], reserve_bytes: int, learned_bytes: int = 0) -> bool:
    """True if every GPU has room for its load, its reserve and (the first) a projector and what was learned."""
    extra = [found.projector_bytes + learned_bytes, *[0] * (len(free_bytes) - 1)]
    return all(
        load.total_bytes + reserve_bytes + more <= free
        for load, free, more in zip(found.gpus, free_bytes, extra, strict=True)
    )


def _logged(host: Load) -> int:
    cache = host.cache.sliding_bytes or host.cache.full_bytes
    return sum(logged_bytes(part) for part in (host.weights_bytes, cache, host.cache.state_bytes, host.compute_bytes))
