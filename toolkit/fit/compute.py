"""Bytes of the compute buffers: a family draws one pass, the planner places it.

Layers that look alike need the same room, so of each kind of layer in each neighbourhood only the first two are drawn.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from toolkit.fit.cache import GPU_ALIGNMENT, HOST_ALIGNMENT, sliding_cells
from toolkit.fit.flash import flash_plan
from toolkit.fit.passes import Pass, PassSize
from toolkit.fit.plan import peaks
from toolkit.fit.setting import pad, streams_of, ubatch_of

if TYPE_CHECKING:
    from toolkit.fit.architectures.base import Family, LayerMemory
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec
    from toolkit.fit.split import Split

_DRAWN_EACH = 2


def pass_size(
    spec: Spec, setting: Setting, memories: tuple[LayerMemory, ...], split: Split, *, embeds: bool
) -> PassSize:
    """The largest pass of a setting."""
    streams, plan = streams_of(setting), flash_plan(spec, setting, split)
    tokens = pad(ubatch_of(setting), setting.parallel)
    windows = [memory.window for memory in memories if memory.window is not None]
    return PassSize(
        tokens=tokens,
        slots=setting.parallel,
        rows_out=tokens if embeds else min(setting.parallel, tokens),
        streams=streams,
        sliding_cells=sliding_cells(max(windows), streams, setting) if windows else 0,
        flash=plan.on,
        flash_on_gpu=plan.on_gpu,
        values_lie=plan.values_lie,
        value_elements=max((memory.value_elements for memory in memories), default=0),
        kv_type=setting.kv_type,
    )


def compute_bytes(
    spec: Spec, family: Family, size: PassSize, memories: tuple[LayerMemory, ...], split: Split
) -> tuple[int, ...]:
    """Bytes of the buffer on each GPU and, last, on the host (everything, without a GPU)."""
    one_pass = Pass(spec, size, split)
    one_pass.layer_numbers = representative_layers(spec, memories, split)
    family.draw(one_pass)
    alignments = (*(GPU_ALIGNMENT,) * split.gpus, HOST_ALIGNMENT)
    return peaks(one_pass.graph, alignments, split.copies)


def representative_layers(spec: Spec, memories: tuple[LayerMemory, ...], split: Split) -> tuple[int, ...]:
    """The layers to draw: the first two of each kind after each kind, and the last one.

    All of them over several GPUs: a pipeline keeps what crosses devices, layer for layer.
    """
    if split.gpus > 1:
        return tuple(range(spec.layers))
    seen: Counter[object] = Counter()
    before: object = None
    drawn = []
    for layer in range(spec.layers):
        kind = spec.kinds[layer], memories[layer], split.layers[layer]
        seen[before, kind] += 1
        if seen[before, kind] <= _DRAWN_EACH or layer == spec.layers - 1:
            drawn.append(layer)
        before = kind
    return tuple(drawn)
