"""Which models the server would keep beside which: `toolkit.fit.together`, asked for the twin's models and settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.fit.gpus import Gpu
from toolkit.fit.room import Room
from toolkit.fit.together import Household, Sets, sets_of
from toolkit.host.footprints import memory_of
from toolkit.host.scheduler.options import resolve_demand
from toolkit.host.scheduler.prediction import effective_context
from toolkit.host.scheduler.profile import profile
from toolkit.host.scheduler.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from toolkit.fit.setting import Setting
    from toolkit.fit.takes import Takes
    from toolkit.host.scheduler.options import Demand
    from toolkit.host.scheduler.specs import ModelSpec
    from toolkit.host.twin_spec import TwinSpec


@dataclass(frozen=True, slots=True)
class TwinResident:
    """A model of the twin as its requests would have it loaded; a `Resident` of `toolkit.fit.together`."""

    name: str
    model: ModelSpec
    demand: Demand
    setting: Setting
    takes: Takes
    learned_bytes: int = 0

    def limited(self, num_ctx: int) -> TwinResident:
        """The same with at most this context."""
        options = self.demand.options._replace(num_ctx=min(self.demand.options.num_ctx, num_ctx))
        setting = replace(self.setting, num_ctx=min(self.setting.num_ctx, num_ctx))
        return replace(self, demand=self.demand._replace(options=options, num_ctx_auto=False), setting=setting)


class TwinRoom:
    """Answers `fits(wanted, resident)` for the models of a twin, by the plan its scheduler would make.

    `options` are the runner options that requests for a model carry. A model that the twin does not have fits nowhere.
    """

    def __init__(self, spec: TwinSpec, options: Mapping[str, Mapping[str, object]]) -> None:
        self.room = room_of(spec)
        self._residents = residents_of(spec, options)
        self._household = Household(self._residents.values(), self.room)
        self._most = self.room.rules.max_loaded(self.room.specs(), self.room.settings)
        self._known: dict[tuple[str, frozenset[str]], bool] = {}

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        """True if the server would load `wanted` while all of `resident` stay, in some order of having loaded those."""
        key = (wanted, resident)
        if key not in self._known:
            names = {*resident, wanted}
            there = names <= self._residents.keys() and len(names) <= self._most
            self._known[key] = there and self._household.admits(
                self._residents[wanted], [self._residents[name] for name in sorted(resident - {wanted})]
            )
        return self._known[key]

    def most_together(self, models: Collection[str]) -> int:
        """The server's limit on loaded models, or fewer if there are fewer models."""
        return max(1, min(self._most, len(set(models))))

    def sets(self, names: Sequence[str]) -> Sets:
        """Which of these models live together, really and in the server's eyes."""
        return self.sets_of(self.residents(names))

    def sets_of(self, residents: Sequence[TwinResident]) -> Sets:
        """The same of models as they are."""
        return sets_of(residents, self.room, self._most)

    def residents(self, names: Sequence[str]) -> tuple[TwinResident, ...]:
        """Those of the names that the twin has, in order of name."""
        return tuple(self._residents[name] for name in sorted(set(names)) if name in self._residents)

    def largest_sets(self, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The sets of models that the server keeps together and to which none can be added, larger ones first."""
        return self.sets(names).by_ollama

    def context_of(self, name: str) -> int | None:
        """The context (tokens a slot) that a runner of the model gets; None if the twin does not have the model."""
        found = self._residents.get(name)
        return found.setting.num_ctx if found else None


def room_of(spec: TwinSpec) -> Room:
    """The simulated host as `toolkit.fit` sees it."""
    return Room(
        gpus=tuple(
            Gpu(
                gpu.spec.id,
                gpu.spec.total_bytes,
                round(spec.speeds.device_bytes_per_s),
                gpu.spec.library,
                gpu.spec.compute_major,
                gpu.spec.total_bytes - gpu.free_at_start_bytes,
                gpu.spec.integrated,
            )
            for gpu in spec.hardware.gpus
        ),
        overhead_bytes=spec.process_overhead_bytes,
        host_bytes_per_s=round(spec.speeds.ram_bytes_per_s),
        settings=Settings.from_environment(dict(spec.environment)),
        rules=profile(spec.profile),
        system_free_bytes=spec.hardware.system_free_bytes,
    )


def residents_of(spec: TwinSpec, options: Mapping[str, Mapping[str, object]]) -> dict[str, TwinResident]:
    """The twin's models by name, as requests with these options would have them loaded."""
    rules, memory = profile(spec.profile), memory_of(spec)
    settings = Settings.from_environment(dict(spec.environment))
    default = settings.context_length or rules.automatic_num_ctx(spec.hardware.specs, settings)
    found = {}
    for one in spec.models:
        demand = resolve_demand(
            one.spec,
            options.get(one.spec.name, {}),
            default,
            num_ctx_from_environment=settings.context_length > 0,
            embedding_batch=rules.embedding_batch,
        )
        num_ctx = effective_context(demand.options.num_ctx, one.spec.context_length)
        setting = memory.setting(
            num_ctx, rules.num_parallel(one.spec, settings), demand.options.num_batch, demand.options.num_gpu
        )
        found[one.spec.name] = TwinResident(one.spec.name, one.spec, demand, setting, one.takes)
    return found
