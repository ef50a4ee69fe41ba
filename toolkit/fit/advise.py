"""What would make a model fit: the largest context, and the cheapest change.

Changes are tried from the cheapest up: a quantised cache costs almost no quality, fewer slots cost waiting, a shorter
context and a smaller batch cost what they say, fewer bits a weight cost quality, another GPU costs money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolkit.fit.flash import has_kernel
from toolkit.fit.gpus import GPUS
from toolkit.fit.room import Room, fit, fits_whole, with_automatic_batch
from toolkit.fit.setting import CELL_PADDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

LEAST_CONTEXT: Final = 2048
_SHORTER_CONTEXTS: Final = (65536, 32768, 16384, 8192, 4096, LEAST_CONTEXT)
_FEWER_BITS: Final = (("Q4_K_M", 4.85), ("Q3_K_M", 3.9), ("Q2_K", 3.0))
"""Storage recipes and their bits a weight, over all tensors of a dense model."""
_BITS: Final = 8


@dataclass(frozen=True, slots=True)
class Change:
    """One change that makes the model fit; `estimated` where the result is not from the model's own tensors."""

    kind: str
    text: str
    estimated: bool = False


def largest_context(spec: Spec, setting: Setting, room: Room) -> int | None:
    """The largest context of a slot with which nothing spills, by 256, up to the trained one; None if there is none.

    The batch follows the context, as Ollama's does. Found by bisection: a longer context never takes less.
    """

    def ok(steps: int) -> bool:
        longer = replace(setting, num_ctx=min(steps * CELL_PADDING, spec.trained_context))
        return fits_whole(spec, with_automatic_batch(spec, longer, room), room)

    low, high = 0, -(-spec.trained_context // CELL_PADDING)
    while low < high:
        middle = (low + high + 1) // 2
        if ok(middle):
            low = middle
        else:
            high = middle - 1
    return min(low * CELL_PADDING, spec.trained_context) if low else None


def cheapest_changes(spec: Spec, setting: Setting, room: Room) -> tuple[Change, ...]:
    """The cheapest change of each kind that makes everything fit on the GPUs, cheapest first; none if it fits."""
    if fits_whole(spec, setting, room):
        return ()
    found = (*_by_setting(spec, setting, room), *_by_bits(spec, setting, room), *_by_gpu(spec, setting, room))
    return tuple(found)


def _by_setting(spec: Spec, setting: Setting, room: Room) -> Iterator[Change]:
    for kind, text, changed in _settings(spec, setting):
        if fits_whole(spec, with_automatic_batch(spec, changed, room), room):
            yield Change(kind, text)
            if kind == "context":
                return


def _settings(spec: Spec, setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    quantised = setting.kv_type in {"q8_0", "q4_0"}
    if not quantised and has_kernel(spec) and setting.flash_attn != "off":
        yield "cache", "KV cache in q8_0", replace(setting, kv_type="q8_0")
    if setting.parallel > 1:
        yield "slots", "one slot instead of " + str(setting.parallel), replace(setting, parallel=1)
    for context in _SHORTER_CONTEXTS:
        if context < setting.num_ctx:
            yield "context", f"num_ctx {context}", replace(setting, num_ctx=context)


def _by_bits(spec: Spec, setting: Setting, room: Room) -> Iterator[Change]:
    """Fewer bits a weight; the rest of the load stays as it is."""
    elements = sum(t.elements for block in spec.blocks for t in block.values())
    bytes_now = sum(t.nbytes for block in spec.blocks for t in block.values())
    whole = fit(spec, setting, room).whole.gpu_total_bytes
    budget = sum(room.free_bytes) - room.reserve.bytes * len(room.gpus)
    for name, bits in _FEWER_BITS:
        bytes_then = int(elements * bits / _BITS)
        if bytes_then < bytes_now and whole - bytes_now + bytes_then <= budget:
            yield Change("weights", f"weights in {name}", estimated=True)
            return


def _by_gpu(spec: Spec, setting: Setting, room: Room) -> Iterator[Change]:
    """The smallest single GPU of the list that holds it; a second one like the first; or how much it takes."""
    for gpu in sorted(GPUS, key=lambda gpu: (gpu.total_bytes, -(gpu.bytes_per_s or 0))):
        larger = gpu.total_bytes > max(one.total_bytes for one in room.gpus)
        if larger and fits_whole(spec, setting, replace(room, gpus=(gpu,))):
            yield Change("gpu", f"a GPU like the {gpu.name} ({gpu.total_bytes >> 30} GiB)")
            break
    doubled = replace(room, gpus=(*room.gpus, room.gpus[0]))
    if fits_whole(spec, setting, doubled):
        yield Change("gpu", f"one more {room.gpus[0].name}")
