"""What a pinned model leaves for the others: asked of `toolkit.fit`, never worked out here. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.fit.report import Question, Wish
from toolkit.fit.room import fit
from toolkit.fit.together import sets_of
from toolkit.ops.provision.desired import model_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.fit.room import Room
    from toolkit.fit.spec import Spec
    from toolkit.fit.together import Tenant
    from toolkit.ops.provision.desired import Desired


@dataclass(frozen=True, slots=True)
class Company:
    """Pinned models and what becomes of the others, at one context.

    `pinned_bytes` is what the pinned ones really take, overhead of their processes included; `left_bytes` what remains
    of all GPUs. `beside`: the others that can stay loaded with all pinned ones, alone among the others; `apart`: those
    that cannot. `together`: whether the pinned ones can all stay. `unknown`: models of which nothing is known.
    `shares`: those made of the same weights as a pinned one, which the server keeps in the same runner.
    """

    gpus: tuple[str, ...]
    num_ctx: int
    pinned: tuple[str, ...]
    pinned_bytes: int
    left_bytes: int
    together: bool
    beside: tuple[str, ...]
    apart: tuple[str, ...]
    unknown: tuple[str, ...]
    shares: tuple[str, ...] = ()


def wish_of(settings: Mapping[str, str], num_ctx: int | None = None) -> Wish:
    """The server's settings as far as they decide what models take; `num_ctx` of a request takes precedence."""
    context = num_ctx or _count(settings, "OLLAMA_CONTEXT_LENGTH")
    return Wish(
        num_ctx=context or None,
        parallel=_count(settings, "OLLAMA_NUM_PARALLEL") or 1,
        kv_type=settings.get("OLLAMA_KV_CACHE_TYPE") or "f16",
        most_models=_count(settings, "OLLAMA_MAX_LOADED_MODELS") or None,
    )


def company_of(
    pinned: Sequence[str], models: Sequence[Desired], specs: Mapping[str, Spec], room: Room, wish: Wish
) -> Company | None:
    """Who can live with the pinned models. `specs` by `model_key`; None if nothing is known of a pinned one."""
    if not room.gpus or any(model_key(name) not in specs for name in pinned):
        return None
    held = {model_key(name) for name in pinned}
    weights = weights_of(models)
    pinned_weights = {weights.get(key, key) for key in held}
    others = [model for model in models if model.key not in held]
    shares = tuple(model.name for model in others if weights[model.key] in pinned_weights)
    rest = [model.name for model in others if model.name not in shares]
    known = [name for name in rest if model_key(name) in specs]
    question = Question(tuple((name, specs[model_key(name)]) for name in [*pinned, *known]), room, wish)
    num_ctx = question.contexts()[0][0]
    tenants = question.tenants(num_ctx)
    sets = [frozenset(one) for one in sets_of(tenants, room, wish.most_models).both]
    beside = tuple(name for name in known if any({*pinned, name} <= one for one in sets))
    pinned_bytes = sum(_taken_bytes(tenant, room) for tenant in tenants if tenant.name in pinned)
    return Company(
        gpus=tuple(gpu.name for gpu in room.gpus),
        num_ctx=num_ctx,
        pinned=tuple(pinned),
        pinned_bytes=pinned_bytes,
        left_bytes=max(room.total_bytes - pinned_bytes, 0),
        together=any(set(pinned) <= one for one in sets),
        beside=beside,
        apart=tuple(name for name in known if name not in beside),
        unknown=tuple(name for name in rest if name not in known),
        shares=shares,
    )


def weights_of(models: Sequence[Desired]) -> dict[str, str]:
    """By `model_key`: the model whose file it is, followed through models that are made of derived ones."""
    recipes = {model.key: model.recipe for model in models}

    def origin(key: str) -> str:
        recipe = recipes.get(key)
        return key if recipe is None else origin(model_key(recipe.base))

    return {key: origin(key) for key in recipes}


def _taken_bytes(tenant: Tenant, room: Room) -> int:
    """What a model really takes on the GPUs, with what a process costs on each that it uses."""
    found = fit(tenant.spec, tenant.setting, room)
    return found.loaded.gpu_total_bytes + found.loaded.projector_bytes + found.processes * room.overhead_bytes


def _count(settings: Mapping[str, str], name: str) -> int:
    text = settings.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else 0
