"""Bytes of the compute buffers: a family draws one pass, the planner places it.

Layers that look alike need the same room, so of each kind of layer in each neighbourhood only the first two are drawn.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from toolkit.fit.cache import ALIGNMENTS, sliding_cells
from toolkit.fit.flash import flash_plan
from toolkit.fit.passes import Pass, PassSize
from toolkit.fit.plan import peaks
from toolkit.fit.setting import pad, streams_of, ubatch_of

if TYPE_CHECKING:
    from toolkit.fit.architectures.base import Family, LayerMemory
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

_DRAWN_EACH = 2


def pass_size(spec: Spec, setting: Setting, memories: tuple[LayerMemory, ...], *, embeds: bool) -> PassSize:
    """The largest pass of a setting."""
    streams, plan = streams_of(setting), flash_plan(spec, setting)
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
        kv_type=setting.kv_type,
    )


def compute_bytes(
    spec: Spec, family: Family, setting: Setting, memories: tuple[LayerMemory, ...], *, embeds: bool
) -> tuple[int, int]:
    """Bytes of the buffer on the GPU and of the one on the host (all of it on the host without a GPU)."""
    size = pass_size(spec, setting, memories, embeds=embeds)
    on_gpu = setting.device == "cuda"
    one_pass = Pass(spec, size, device=0, host=1 if on_gpu else 0)
    one_pass.layer_numbers = representative_layers(spec, memories)
    family.draw(one_pass)
    if not on_gpu:
        return 0, peaks(one_pass.graph, (ALIGNMENTS["cpu"],))[0]
    gpu, host = peaks(one_pass.graph, (ALIGNMENTS["cuda"], ALIGNMENTS["cpu"]))
    return gpu, host


def representative_layers(spec: Spec, memories: tuple[LayerMemory, ...]) -> tuple[int, ...]:
    """The layers to draw: the first two of each kind after each kind, and the last one."""
    seen: Counter[object] = Counter()
    before: object = None
    drawn = []
    for layer in range(spec.layers):
        kind = spec.kinds[layer], memories[layer]
        seen[before, kind] += 1
        if seen[before, kind] <= _DRAWN_EACH or layer == spec.layers - 1:
            drawn.append(layer)
        before = kind
    return tuple(drawn)
