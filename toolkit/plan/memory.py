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
    from toolkit.fit.together import Tenant

MOST_MODELS: Final = 6
"""The sets that live together are counted up to so many models; their number doubles with each."""


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
        self.unknown = tuple(unknown)
        """Models that are in no catalogue: the twin's own figures decide about them."""
        self._spilling: dict[tuple[tuple[GpuSection, ...], Wanted], tuple[str, ...]] = {}
        self._together: dict[tuple[tuple[GpuSection, ...], Wanted], tuple[tuple[str, ...], ...]] = {}

    def spilling(self, gpus: tuple[GpuSection, ...], wanted: Wanted) -> tuple[str, ...]:
        """The models that do not fit even alone on a host with these GPUs (at least one)."""
        key = gpus, wanted
        if key not in self._spilling:
            tenants, room = self._tenants(gpus, wanted)
            self._spilling[key] = tuple(
                one.name
                for one in tenants
                if fit(one.spec, one.setting, room).verdict in {Verdict.SPILLS, Verdict.TOO_LARGE}
            )
        return self._spilling[key]

    def together(self, gpus: tuple[GpuSection, ...], wanted: Wanted) -> tuple[tuple[str, ...], ...]:
        """The largest sets that stay loaded, by what they really take and by what the server believes."""
        key = gpus, wanted
        if key not in self._together:
            tenants, room = self._tenants(gpus, wanted)
            self._together[key] = sets_of(tenants, room).both if 0 < len(tenants) <= MOST_MODELS else ()
        return self._together[key]

    def _tenants(self, gpus: Sequence[GpuSection], wanted: Wanted) -> tuple[tuple[Tenant, ...], Room]:
        room = Room(
            tuple(
                Gpu(one.name, one.memory_bytes, one.bandwidth_bytes_per_s, one.library, one.compute_major)
                for one in gpus
            )
        )
        question = Question(tuple(self._specs), room, Wish(wanted.num_ctx, wanted.parallel, wanted.kv_type))
        return tuple(question.tenants(question.contexts()[0][0])), room
