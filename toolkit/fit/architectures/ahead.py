"""Layers behind the last one that predict further tokens (`nextn`): GLM 4.5, DeepSeek V3, Qwen 3.5, MiMo.

The engine does not load their weights unless it is asked for speculative decoding, which Ollama does not do. Their
caches are allocated all the same, as full layers, except by the architectures that leave them out.

Source: llama.cpp, src/llama-model.cpp (create_memory), src/llama-hparams.cpp and TENSOR_SKIP in src/models.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from toolkit.fit.cache import LayerMemory
    from toolkit.fit.spec import Spec

LEFT_OUT: Final = ("step35", "hy_v3", "glm-dsa", "mimo2", "deepseek32", "qwen3next", "qwen35", "qwen35moe")
"""Architectures whose cache is that of the ordinary layers alone."""


def memories(spec: Spec, ordinary: tuple[LayerMemory, ...]) -> tuple[LayerMemory, ...]:
    """What the layers behind the last one keep: as much as that one, without a window."""
    count = len(spec.blocks) - spec.layers
    if count <= 0 or spec.architecture in LEFT_OUT:
        return ()
    return (replace(ordinary[-1], window=None, state_elements=()),) * count
