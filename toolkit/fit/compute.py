"""Bytes of the compute buffers: a family draws one pass, the planner places it.

Layers that look alike need the same room, so of each kind of layer in each neighbourhood only the first two are drawn.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from toolkit.fit.cache import GPU_ALIGNMENT, HOST_ALIGNMENT
from toolkit.fit.passes import ROWS_AFTER_LAST_NORM, Pass
from toolkit.fit.plan import peaks
from toolkit.fit.probe import size_of
from toolkit.fit.setting import pad, ubatch_of

if TYPE_CHECKING:
    from toolkit.fit.architectures.base import Family
    from toolkit.fit.cache import LayerMemory
    from toolkit.fit.passes import PassSize
    from toolkit.fit.probe import FlashPlan
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec
    from toolkit.fit.split import Split

_DRAWN_EACH: Final = 2
_FEW_KINDS: Final = 2


def pass_size(setting: Setting, memories: tuple[LayerMemory, ...], plan: FlashPlan, *, embeds: bool) -> PassSize:
    """The largest pass of a setting."""
    tokens = pad(ubatch_of(setting), setting.parallel)
    return size_of(setting, memories, plan, (tokens, tokens if embeds else min(setting.parallel, tokens)))


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

    All of them where devices share the work, since what crosses them and what is fetched differs from layer to layer,
    and of models with so many kinds that leaving some out makes neighbours of strangers.
    """
    varied = len(set(spec.kinds))
    few = 1 if spec.architecture in ROWS_AFTER_LAST_NORM else _FEW_KINDS
    if split.gpus > 1 or not split.whole or varied > few:
        return tuple(range(spec.layers))
    known: dict[tuple[int, LayerMemory], int] = {}
    kinds = [known.setdefault(pair, len(known)) for pair in zip(spec.kinds, memories, strict=False)]
    seen: Counter[tuple[int, int]] = Counter()
    drawn = []
    for layer, pair in enumerate(zip([-1, *kinds], kinds, strict=False)):
        seen[pair] += 1
        if seen[pair] <= _DRAWN_EACH or layer == len(kinds) - 1:
            drawn.append(layer)
    return tuple(drawn)
