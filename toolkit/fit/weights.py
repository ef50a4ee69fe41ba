"""Bytes of the weights on each device, tensor by tensor.

Token, position and type embeddings stay on the host. A tied model has its embedding table twice, once more as the
output head on the GPU. A tensor that several layers share (rotation factors) is on each device that has such layers.
Layers that only predict further tokens are not loaded.
On the host a tied table is held once, except where the loader asks for the head before the table.
Source: llama.cpp, src/llama-model.cpp (load_tensors) and ggml-cuda.cu (get_alloc_size).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.cache import HOST_ALIGNMENT, aligned_bytes
from toolkit.fit.setting import pad

if TYPE_CHECKING:
    from toolkit.fit.spec import Spec
    from toolkit.fit.split import Split
    from toolkit.ollama.gguf.records import TensorInfo

ON_HOST: Final = (
    "token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight",
)  # fmt: skip
TABLE: Final = "token_embd.weight"
SHARED: Final = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")
OF_FIRST_LAYER: Final = (
    "per_layer_model_proj.weight", "per_layer_proj_norm.weight", "token_embd_norm.weight", "token_embd_norm.bias",
)  # fmt: skip
_NORM_OF_HEAD: Final = ("lfm2", "lfm2moe")
"""Architectures whose last norm is called token_embd_norm."""
PROJECTOR_PREFIXES: Final = ("v.", "mm.", "a.")
"""Tensors of a projector that lies in the same file; the engine's text part skips them."""
_HEAD_FIRST: Final = ("gemma3n", "gemma4")
"""Architectures whose loader asks for the head first, so that a tied table is held twice on the host."""
_HEADLESS: Final = ("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert")


def weights_by_device(spec: Spec, split: Split) -> tuple[int, ...]:
    """Bytes on each GPU and, last, on the host."""
    held = [0] * (split.gpus + 1)

    def put(tensor: TensorInfo, device: int) -> None:
        held[device] += aligned_bytes(tensor.nbytes, tensor.shape[0], tensor.storage, on_gpu=device < split.gpus)

    for device, (on_gpu_bytes, on_host_bytes) in zip(split.layers, spec.block_bytes[: spec.layers], strict=False):
        held[device] += on_gpu_bytes if device < split.gpus else on_host_bytes
    for tensor in spec.roots.values():
        if tensor.name in SHARED:
            for device in set(split.layers):
                put(tensor, device)
        elif tensor.name in OF_FIRST_LAYER and spec.architecture not in _NORM_OF_HEAD:
            put(tensor, split.layers[0])
        elif not tensor.name.startswith(PROJECTOR_PREFIXES):
            put(tensor, split.host if tensor.name in ON_HOST else split.head)
    if is_tied(spec) and (split.head != split.host or spec.architecture in _HEAD_FIRST):
        put(spec.roots[TABLE], split.head)
    return tuple(held)


def is_tied(spec: Spec) -> bool:
    """True if the output head is the embedding table."""
    return "output.weight" not in spec.roots and TABLE in spec.roots and spec.architecture not in _HEADLESS


def projector_bytes(spec: Spec) -> int:
    """Bytes of a projector that lies in the same file."""
    return sum(pad(t.nbytes, HOST_ALIGNMENT) for t in spec.roots.values() if t.name.startswith(PROJECTOR_PREFIXES))
