"""What fits on a host, by `toolkit.fit`: which models spill, and which can stay loaded together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.gpus import Gpu
from toolkit.fit.report import Question, Wish
from toolkit.fit.room import Room, Verdict, fit
from toolkit.fit.spec import spec_of
from toolkit.fit.together import sets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.config.twin_parts import GpuSection
    from toolkit.fit.spec import Spec

MOST_MODELS: Final = 6
"""The sets that live together are counted up to so many models; their number doubles with each."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """What was worked out.

    `spilling` models do not fit alone; `together` are the largest sets that stay, by what they really take and by what
    the server believes. `unknown` models are in no catalogue: the twin's own figures decide about them.
    """

    spilling: tuple[str, ...]
    together: tuple[tuple[str, ...], ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A setting of all models; `num_ctx` None: the automatic one of the host."""

    num_ctx: int | None
    kv_type: str = "f16"
    parallel: int = 1


class Memory:
    """Answers for one set of models; remembers what it has worked out."""

    def __init__(self, models: Iterable[str]) -> None:
        self._specs: list[tuple[str, Spec]] = []
        unknown = []
        for name in sorted(models):
            with suppress(UsageError):
                self._specs.append((name, spec_of(published(name))))
                continue
            unknown.append(name)
        self._unknown = tuple(unknown)
        self._known: dict[tuple[tuple[GpuSection, ...], Wanted], Fitting] = {}

    def fitting(self, gpus: tuple[GpuSection, ...], wanted: Wanted) -> Fitting:
        """What a host with these GPUs (at least one) holds."""
        key = (gpus, wanted)
        if key not in self._known:
            self._known[key] = self._work_out(gpus, wanted)
        return self._known[key]

    def _work_out(self, gpus: Sequence[GpuSection], wanted: Wanted) -> Fitting:
        room = Room(
            tuple(
                Gpu(one.name, one.memory_bytes, one.bandwidth_bytes_per_s, one.library, one.compute_major)
                for one in gpus
            )
        )
        question = Question(tuple(self._specs), room, Wish(wanted.num_ctx, wanted.parallel, wanted.kv_type))
        tenants = question.tenants(question.contexts()[0][0])
        spilling = tuple(
            one.name
            for one in tenants
            if fit(one.spec, one.setting, room).verdict in {Verdict.SPILLS, Verdict.TOO_LARGE}
        )
        together = sets_of(tenants, room).both if 0 < len(tenants) <= MOST_MODELS else ()
        return Fitting(spilling, together, self._unknown)
