"""Each model on a host at one moment: declared or not, on disk, in memory, for how long. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.plan import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.ollama.types import RunningModel
    from toolkit.ops.provision.desired import Desired
    from toolkit.ops.provision.observed import Observed
    from toolkit.ops.provision.plan import Action, Plan

_FOREVER_NS = 100 * 365 * 86_400 * 1_000_000_000
"""A keep_alive of -1 is shown as an expiry some 290 years ahead."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model. Numbers are None where it is not loaded (or not installed); `problem` says what `apply` would mend."""

    name: str
    declared: bool
    pin: bool
    installed: bool
    digest: str
    size_bytes: int | None
    loaded: bool
    forever: bool
    memory_bytes: int | None
    vram_bytes: int | None
    context_length: int | None
    problem: str | None


def states(desired: Sequence[Desired], observed: Observed, plan: Plan, now_ns: int) -> tuple[ModelState, ...]:
    """Declared models first, then the others. `now_ns` is Unix time; `plan` is that of the same moment."""
    todo = {model_key(action.name): action for action in plan.actions}
    pins = {model.key: model.pin for model in desired}
    names = [*(model.name for model in desired), *(action.name for action in plan.prunable)]
    named = {model_key(name) for name in names}
    loaded_only = [model.name for model in observed.running if model_key(model.name) not in named]
    return tuple(_state(name, pins, observed, todo, now_ns) for name in [*names, *loaded_only])


def _state(name: str, pins: dict[str, bool], observed: Observed, todo: dict[str, Action], now_ns: int) -> ModelState:
    key = model_key(name)
    there, running, action = observed.find(name), observed.find_running(name), todo.get(key)
    changes = action is not None and action.kind not in {Kind.KEEP, Kind.REMOVE}
    return ModelState(
        name=name,
        declared=key in pins,
        pin=pins.get(key, False),
        installed=there is not None,
        digest=there.digest if there is not None else "",
        size_bytes=there.size_bytes if there is not None else None,
        loaded=running is not None,
        forever=running is not None and is_forever(running, now_ns),
        memory_bytes=running.size_bytes if running is not None else None,
        vram_bytes=running.vram_bytes if running is not None else None,
        context_length=running.context_length if running is not None else None,
        problem=action.reason if changes and action is not None else None,
    )


def is_forever(running: RunningModel, now_ns: int) -> bool:
    """Whether a loaded model stays until it is unloaded or evicted."""
    return running.expires_at_ns is not None and running.expires_at_ns - now_ns > _FOREVER_NS
