"""Which GPUs a model is put on, and how much memory counts as available there (profile v0.32)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.host.scheduler.batch import FIT_PERCENT
from toolkit.host.scheduler.memory import FreeGpu, MemoryView, available_on, available_on_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.host.scheduler.options import RunnerOptions


class Placement(NamedTuple):
    """The chosen GPUs and the `main_gpu` that is passed on (0 where one of several GPUs was chosen)."""

    gpus: tuple[FreeGpu, ...]
    main_gpu: int | None

    def main(self) -> FreeGpu | None:
        """The GPU that `main_gpu` points to within the chosen ones; None if there is no such thing."""
        if self.main_gpu is not None and 0 <= self.main_gpu < len(self.gpus):
            return self.gpus[self.main_gpu]
        return None

    def available_bytes(self, system_free_bytes: int) -> int:
        """Memory that the fit check and the automatic batch reckon with."""
        main = self.main()
        if main is not None:
            return available_on(main, system_free_bytes)
        return available_on_all(self.gpus, system_free_bytes)


def place(view: MemoryView, options: RunnerOptions, predicted_bytes: int, *, spread: bool) -> Placement:
    """Choose GPUs for a model of this predicted size (without surcharge)."""
    if len(view.gpus) <= 1 or options.num_gpu == 0:
        return Placement(view.gpus, options.main_gpu)
    groups = by_library(view.gpus)
    if options.main_gpu is not None:
        wanted = options.main_gpu
        candidates = [group[wanted] for group in groups if 0 <= wanted < len(group)]
        single = _best_single(candidates, view.system_free_bytes)
        return Placement((single,), 0) if single else Placement(_best_group(groups, view), wanted)
    if not spread and predicted_bytes > 0:
        roomy = [
            gpu
            for group in groups
            for gpu in group
            if predicted_bytes <= available_on(gpu, view.system_free_bytes) * FIT_PERCENT // 100
        ]
        single = _best_single(roomy, view.system_free_bytes)
        if single:
            return Placement((single,), 0)
    return Placement(_best_group(groups, view), None)


def by_library(gpus: Iterable[FreeGpu]) -> tuple[tuple[FreeGpu, ...], ...]:
    """GPUs grouped by library, groups in order of their first member."""
    groups: dict[str, list[FreeGpu]] = {}
    for gpu in gpus:
        groups.setdefault(gpu.spec.library, []).append(gpu)
    return tuple(tuple(group) for group in groups.values())


def _best_single(candidates: Sequence[FreeGpu], system_free_bytes: int) -> FreeGpu | None:
    """Discrete before integrated, then the most available; the first of equals (max keeps it)."""
    return max(
        candidates, key=lambda gpu: (not gpu.spec.integrated, available_on(gpu, system_free_bytes)), default=None
    )


def _best_group(groups: Sequence[tuple[FreeGpu, ...]], view: MemoryView) -> tuple[FreeGpu, ...]:
    """A group with a discrete GPU before one without, then the most available; the first of equals."""
    return max(
        groups,
        key=lambda group: (
            any(not gpu.spec.integrated for gpu in group),
            available_on_all(group, view.system_free_bytes),
        ),
    )
