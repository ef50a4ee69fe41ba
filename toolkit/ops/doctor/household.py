"""The config's models as they would live together on the config's host, by `toolkit.fit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.predicted import parallel_of
from toolkit.fit.room import Room, with_automatic_batch
from toolkit.fit.setting import KV_TYPES, Setting
from toolkit.fit.together import Sets, Tenant, contexts_for_all, pairs_that_swap, sets_of
from toolkit.ops.doctor.wording import listed

if TYPE_CHECKING:
    from toolkit.fit.setting import FlashAttention
    from toolkit.fit.spec import Spec
    from toolkit.ops.doctor.evidence import Evidence, ModelWish

DESCRIBE: Final = "say what it has: --gpu rtx4090, or in the config twin: {gpus: [{name: RTX 4090, memory: 24GiB}]}"
_CPU_ROOM: Final = "the config's host has no GPU: nothing there limits what lives together but the number of models"


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Why nothing can be said, and how it could."""

    reason: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Household:
    """Models with the settings that they would be loaded with, and which sets of them live together."""

    tenants: tuple[Tenant, ...]
    room: Room
    most_models: int
    sets: Sets

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, sorted as sets are."""
        return tuple(sorted(tenant.name for tenant in self.tenants))

    @property
    def really(self) -> bool:
        """Whether all of them fit at the same time."""
        return self.names in self.sets.really

    @property
    def believed(self) -> bool:
        """Whether the server would let all of them stay."""
        return self.names in self.sets.by_ollama

    @property
    def swaps(self) -> tuple[tuple[str, str], ...]:
        """Pairs that cannot be loaded at the same time."""
        return pairs_that_swap(self.tenants, self.sets)

    def contexts_for_all(self) -> dict[str, int] | None:
        """A context for each model with which all stay; None if there is none."""
        return contexts_for_all(self.tenants, self.room, self.most_models)


def household_of(evidence: Evidence) -> Household | NotKnown:
    """The household, or why nothing can be said."""
    gpus, server = evidence.wishes.gpus, evidence.wishes.server
    if gpus is None:
        return NotKnown("the config does not describe the host's GPUs", DESCRIBE)
    if not gpus:
        return NotKnown(_CPU_ROOM)
    specs, unknown = [], []
    for wish in _one_each(evidence):
        shown = evidence.of_shown(wish.name)
        if shown is None or shown.spec is None:
            unknown.append(wish.name)
        else:
            specs.append((wish, shown.spec))
    if unknown:
        return NotKnown(f"what {listed(unknown)} takes is not known")
    room = Room(gpus)
    tenants = tuple(Tenant(wish.name, spec, _setting(evidence, wish, spec, room)) for wish, spec in specs)
    # The number of models is a question of its own (max-models); memory alone decides here.
    most = max(evidence.profile.max_loaded(room.specs(), server), len(tenants))
    return Household(tenants, room, most, sets_of(tenants, room, most))


def _one_each(evidence: Evidence) -> tuple[ModelWish, ...]:
    return tuple({wish.name: wish for wish in reversed(evidence.wishes.models)}.values())[::-1]


def _setting(evidence: Evidence, wish: ModelWish, spec: Spec, room: Room) -> Setting:
    """Request before Modelfile before environment before the tier of the memory, as the server decides."""
    server, shown = evidence.wishes.server, evidence.of_shown(wish.name)
    context = wish.number("num_ctx") or (shown.number("num_ctx") if shown else None) or server.context_length
    context = context or evidence.profile.automatic_num_ctx(room.specs(), server)
    kind = (evidence.wishes.setting("OLLAMA_KV_CACHE_TYPE") or "f16").lower()
    flash: FlashAttention = "off" if server.flash_attention is False else "auto"
    setting = Setting(
        num_ctx=max(min(context, spec.trained_context or context), 1),
        parallel=parallel_of(spec, server.num_parallel),
        kv_type=kind if kind in KV_TYPES and flash != "off" else "f16",
        flash_attn=flash,
    )
    return with_automatic_batch(spec, setting, room)
