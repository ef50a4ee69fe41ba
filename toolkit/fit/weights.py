"""Bytes of the weights, on the GPUs and on the host, tensor by tensor.

Token, position and type embeddings stay on the host. A tied model has its embedding table twice, once more as the
output head on the GPU. With partial offload the last layers and the head are on the GPU (the head counts as a layer).
Weights that end up on the host twice share memory, except where the loader asks for the head before the table.
Source: llama.cpp, src/llama-model.cpp (load_tensors) and ggml-cuda.cu (get_alloc_size).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.cache import ALIGNMENTS, row_padding_bytes
from toolkit.fit.setting import pad

if TYPE_CHECKING:
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec
    from toolkit.ollama.gguf.records import TensorInfo

ON_HOST: Final = (
    "token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight",
)  # fmt: skip
TABLE: Final = "token_embd.weight"
PROJECTOR_PREFIXES: Final = ("v.", "mm.", "a.")
"""Tensors of a projector that lies in the same file; the engine's text part skips them."""
_HEAD_FIRST: Final = ("gemma3n", "gemma4")
"""Architectures whose loader asks for the head first, so that a tied table is held twice on the host."""
_HEADLESS: Final = ("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert")


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes by layer on the device they would be offloaded to, of the head, and of what stays on the host."""

    layers: tuple[int, ...]
    head: int
    host_only: int
    head_shares_host: int


def weights_on(spec: Spec, device: str) -> Weights:
    """Bytes of all parts as `device` would hold them."""
    roots = [t for t in spec.roots.values() if not t.name.startswith(PROJECTOR_PREFIXES)]
    kept = [t for t in roots if t.name in ON_HOST]
    head = [t for t in roots if t.name not in ON_HOST]
    table = spec.roots.get(TABLE)
    tied = table is not None and spec.tied and spec.architecture not in _HEADLESS
    return Weights(
        layers=tuple(sum(_bytes(t, device) for t in block.values()) for block in spec.blocks),
        head=sum(_bytes(t, device) for t in head) + (_bytes(table, device) if tied and table is not None else 0),
        host_only=sum(_bytes(t, "cpu") for t in kept),
        head_shares_host=_bytes(table, "cpu") if tied and table and spec.architecture not in _HEAD_FIRST else 0,
    )


def layers_on_gpu(spec: Spec, setting: Setting) -> int:
    """How many layers go to the GPU, the head counted as one."""
    if setting.device == "cpu":
        return 0
    most = len(spec.blocks) + 1
    return most if setting.n_gpu_layers is None else min(setting.n_gpu_layers, most)


def projector_bytes(spec: Spec) -> int:
    """Bytes of a projector that lies in the same file."""
    return sum(t.nbytes for t in spec.roots.values() if t.name.startswith(PROJECTOR_PREFIXES))


def _bytes(tensor: TensorInfo, device: str) -> int:
    return pad(tensor.nbytes + row_padding_bytes(tensor.shape[0], tensor.storage, device), ALIGNMENTS[device])
