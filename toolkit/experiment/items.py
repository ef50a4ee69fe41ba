"""What policies are told of the models: the room that they take on the twin, and how long they load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.cache.policies.base import Item
from toolkit.host import timing
from toolkit.host.room import residents_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.host.twin_spec import TwinModel, TwinSpec


def item_of(spec: TwinSpec, model: TwinModel, options: Mapping[str, Mapping[str, Any]]) -> Item:
    """The model with the context that its requests ask for; at least one byte."""
    resident = residents_of(spec, options)[model.spec.name]
    taken = resident.takes.estimate(replace(resident.setting, n_gpu_layers=None)).gpu_total_bytes
    return Item(model.spec.name, max(1, taken), _load_ns(spec, model))


def items_of(spec: TwinSpec, options: Mapping[str, Mapping[str, Any]]) -> dict[str, Item]:
    """All models of the twin by name."""
    return {model.spec.name: item_of(spec, model, options) for model in spec.models}


def memory_bytes(spec: TwinSpec) -> int:
    """The memory of the GPUs; without one, what of the system's is free."""
    return sum(gpu.spec.total_bytes for gpu in spec.hardware.gpus) or spec.hardware.system_free_bytes


def _load_ns(spec: TwinSpec, model: TwinModel) -> int:
    """From the page cache if that can hold all files, else from disk; everything on the GPU if there is one."""
    files = sum(other.cost.file_bytes for other in spec.models)
    cached = model.cost.file_bytes if files <= spec.hardware.system_free_bytes else 0
    share = 1.0 if spec.hardware.gpus else 0.0
    return timing.load_ns(model.cost, spec.speeds, cached_bytes=cached, host_buffer_bytes=0, device_share=share)
