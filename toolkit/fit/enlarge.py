"""What would let more models stay loaded together: the cheapest changes first, and another GPU last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolkit.fit.flash import has_kernel
from toolkit.fit.gpus import GPUS
from toolkit.fit.together import LEAST_CONTEXT, sets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.fit.room import Room
    from toolkit.fit.together import Tenant

_CONTEXTS: Final = (32768, 16384, 8192, 4096, LEAST_CONTEXT)


@dataclass(frozen=True, slots=True)
class Gain:
    """A change and the largest set of models that it lets stay, by both numbers. `all_stay`: nobody is left out."""

    text: str
    largest: tuple[str, ...]
    all_stay: bool


def gains(tenants: Sequence[Tenant], room: Room, most_models: int | None = None) -> tuple[Gain, ...]:
    """The cheapest change of each kind that lets a larger set stay than now; empty if all stay already."""
    now = _largest(tenants, room, most_models)
    if len(now) == len(tenants):
        return ()
    found: list[Gain] = []
    for kind in (_cache, _contexts, _more_gpus, _other_gpu):
        best: Gain | None = None
        for text, changed, place in kind(tenants, room):
            largest = _largest(changed, place, most_models)
            if len(largest) > len(best.largest if best else now):
                best = Gain(text, largest, len(largest) == len(tenants))
            if best is not None and best.all_stay:
                break
        if best is not None:
            found.append(best)
    return tuple(found)


def _largest(tenants: Sequence[Tenant], room: Room, most_models: int | None) -> tuple[str, ...]:
    both = sets_of(tenants, room, most_models).both
    return both[0] if both else ()


_Candidate = tuple[str, "Sequence[Tenant]", "Room"]


def _cache(tenants: Sequence[Tenant], room: Room) -> Iterator[_Candidate]:
    if any(tenant.setting.kv_type == "f16" and has_kernel(tenant.spec) for tenant in tenants):
        changed = [
            replace(tenant, setting=replace(tenant.setting, kv_type="q8_0")) if has_kernel(tenant.spec) else tenant
            for tenant in tenants
        ]
        yield "KV cache in q8_0", changed, room


def _contexts(tenants: Sequence[Tenant], room: Room) -> Iterator[_Candidate]:
    for limit in _CONTEXTS:
        if any(tenant.setting.num_ctx > limit for tenant in tenants):
            changed = [
                replace(tenant, setting=replace(tenant.setting, num_ctx=min(tenant.setting.num_ctx, limit)))
                for tenant in tenants
            ]
            yield f"num_ctx {limit} for all", changed, room


def _more_gpus(tenants: Sequence[Tenant], room: Room) -> Iterator[_Candidate]:
    for more in (1, 2):
        wider = replace(room, gpus=(*room.gpus, *(room.gpus[0],) * more))
        yield f"{more} more {room.gpus[0].name}", tenants, wider


def _other_gpu(tenants: Sequence[Tenant], room: Room) -> Iterator[_Candidate]:
    largest = max(gpu.total_bytes for gpu in room.gpus)
    for gpu in sorted(GPUS, key=lambda gpu: (gpu.total_bytes, -(gpu.bytes_per_s or 0))):
        if gpu.total_bytes > largest:
            yield f"a GPU like the {gpu.name} ({gpu.total_bytes >> 30} GiB)", tenants, replace(room, gpus=(gpu,))
