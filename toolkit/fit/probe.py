"""What the engine tries out before it sizes its buffers: do fused steps run where their layer is?

It draws a small pass - one token a slot for flash attention, sixteen for the delta rule - and looks where each fused
step came to lie. If one lies elsewhere than its layer, the step is not used at all, and a longer way takes more memory.
That happens where a GPU has no kernel for it, but also where layers are on the host and the small pass has 32 rows
somewhere: then a GPU takes part of the layer over (`devices.py`), and with it the fused step.

In these passes, unlike in those that size the buffers, the norms of a layer are pinned to its device, if the pass has
fewer than 32 tokens or all layers are on GPUs.
Source: llama.cpp, src/llama-context.cpp (resolve_fused_ops, graph_get_cb).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import family_of
from toolkit.fit.cache import sliding_cells
from toolkit.fit.devices import assign
from toolkit.fit.passes import Pass, PassSize
from toolkit.fit.setting import streams_of

if TYPE_CHECKING:
    from toolkit.fit.cache import LayerMemory
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec
    from toolkit.fit.split import Split

_FEW_TOKENS: Final = 32


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """`on`: fused attention. `on_gpu`: its kernel runs there. `values_lie`: the value cache is stored transposed."""

    on: bool
    on_gpu: bool
    values_lie: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """A kind of fused step (`Pass.fused`) and how many tokens a slot it is tried with."""

    kind: str
    tokens_each: int


ATTENTION: Final = Probe("attention", 1)
DELTA: Final = Probe("delta", 16)


def fuses(spec: Spec, setting: Setting, split: Split, probe: Probe, flash: FlashPlan) -> bool:
    """True if all fused steps of this kind run on the device of their layer."""
    if split.whole:
        return split.gpus == 0 or probe.kind != "attention" or flash.on_gpu
    family = family_of(spec)
    tokens = probe.tokens_each * setting.parallel
    size = size_of(setting, family.remembers(spec), flash, (tokens, tokens))
    one_pass = Pass(spec, size, split, pins_norms=tokens < _FEW_TOKENS)
    family.draw(one_pass)
    assign(one_pass.graph.order, split.host)
    return all(step.device == home for home, step in one_pass.fused[probe.kind])


def size_of(
    setting: Setting, memories: tuple[LayerMemory, ...], plan: FlashPlan, tokens_and_rows: tuple[int, int]
) -> PassSize:
    """The size of a pass over so many tokens, so many of which get logits."""
    streams = streams_of(setting)
    windows = [memory.window for memory in memories if memory.window is not None]
    tokens, rows = tokens_and_rows
    return PassSize(
        tokens=tokens,
        slots=setting.parallel,
        rows_out=rows,
        streams=streams,
        sliding_cells=sliding_cells(max(windows), streams, setting) if windows else 0,
        flash=plan.on,
        flash_on_gpu=plan.on_gpu,
        values_lie=plan.values_lie,
        value_elements=max((memory.value_elements for memory in memories), default=0),
        kv_type=setting.kv_type,
    )
