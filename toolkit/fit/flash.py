"""Whether flash attention runs, and where.

`auto` becomes `off` where the GPU has no kernel for the head sizes, and where attention would not run on its layer's
device for another reason (`probe.py`); asked for explicitly, or needed because values are
quantised, attention then runs on the CPU and the cache travels there for each layer.
Source: llama.cpp, ggml/src/ggml-cuda/fattn.cu (which head sizes have kernels) and src/llama-context.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import mla
from toolkit.fit.probe import ATTENTION, FlashPlan, fuses
from toolkit.ollama.gguf.types import STORAGE_BY_NAME

if TYPE_CHECKING:
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec
    from toolkit.fit.split import Split

_EQUAL_LENGTHS: Final = frozenset({40, 64, 72, 80, 96, 112, 128, 256, 512})
"""Head lengths with a CUDA kernel if keys and values are equally long."""
_UNEQUAL_LENGTHS: Final = {(576, 512): 2, (320, 256): 32, (192, 128): 8}
"""Unequal lengths with a kernel, and how many query heads must share a key head for it."""


def has_kernel(spec: Spec) -> bool:
    """True if CUDA has a flash attention kernel for the model's head sizes."""
    lengths = (spec.key_length, spec.value_length)
    if lengths[0] == lengths[1]:
        return lengths[0] in _EQUAL_LENGTHS
    shared = _UNEQUAL_LENGTHS.get(lengths)
    if shared is None:
        return False
    queries, keys = max(spec.heads, default=0), max(spec.kv_heads, default=0)
    return keys > 0 and queries % (keys * shared) == 0


def flash_plan(spec: Spec, setting: Setting, split: Split) -> FlashPlan:
    """What the engine makes of the setting. With `auto` the cache is laid out as if flash attention were on."""
    if setting.flash_attn == "off":
        return FlashPlan(on=False, on_gpu=True, values_lie=not mla.compresses(spec))
    kernel = split.gpus == 0 or has_kernel(spec)
    on = FlashPlan(on=True, on_gpu=kernel, values_lie=False)
    stays = setting.flash_attn == "on" or STORAGE_BY_NAME[setting.kv_type.upper()].quantised
    if stays or fuses(spec, setting, split, ATTENTION, on):
        return on
    return FlashPlan(on=False, on_gpu=kernel, values_lie=False)
