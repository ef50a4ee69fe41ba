"""The classes of architecture, a module each, and which model is of which class.

A name that is in no table is judged by what the file contains: state space tensors, a latent key, kv heads on some
layers only. `is_known` tells the names whose pass was measured or read in the engine's source from those guessed at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures.delta import DeltaNet
from toolkit.fit.architectures.dense import Dense
from toolkit.fit.architectures.encoder import Encoder
from toolkit.fit.architectures.hybrid import Hybrid
from toolkit.fit.architectures.mla import Latent
from toolkit.fit.architectures.nested import Nested
from toolkit.fit.architectures.recurrent import Recurrent
from toolkit.fit.architectures.shared import Shared
from toolkit.fit.architectures.sliding import PERIODS, Sliding, windows_of
from toolkit.fit.architectures.unknown import Unknown

if TYPE_CHECKING:
    from toolkit.fit.architectures.base import Family
    from toolkit.fit.spec import Block, Spec

_DENSE: Final = (
    "llama", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3vl", "qwen3vlmoe", "phi2", "phi3", "phimoe",
    "command-r", "gemma", "granite", "granitemoe", "olmo2", "olmoe", "starcoder2", "stablelm", "internlm2",
    "mistral3", "smollm3", "exaone", "exaone4", "glm4", "glm4moe", "chatglm", "minicpm", "baichuan", "falcon", "orion",
    "xverse", "deepseek", "dots1", "hunyuan-dense", "hunyuan-moe", "ernie4_5", "ernie4_5-moe", "seed_oss", "apertus",
    "arcee", "minimax-m2", "nemotron",
)  # fmt: skip
_LATENT: Final = ("deepseek2", "minicpm3")
_RECURRENT: Final = ("mamba", "mamba2")
_HYBRID: Final = ("granitehybrid", "falcon-h1", "lfm2", "lfm2moe", "jamba", "nemotron_h", "nemotron_h_moe")
_DELTA: Final = ("qwen3next", "qwen35", "qwen35moe")
_ENCODER: Final = (
    "bert",
    "nomic-bert",
    "nomic-bert-moe",
    "jina-bert-v2",
    "jina-bert-v3",
    "modern-bert",
    "gemma-embedding",
)
_NESTED: Final = ("gemma3n",)
_SHARED: Final = ("gemma4",)

KNOWN: Final = frozenset((*_DENSE, *_LATENT, *_RECURRENT, *_HYBRID, *_DELTA, *_ENCODER, *_NESTED, *_SHARED, *PERIODS))


def is_known(spec: Spec) -> bool:
    """True if there is a rule for the architecture; else an estimate is one of an unknown architecture."""
    return spec.architecture in KNOWN


def embeds(spec: Spec) -> bool:
    """True for models that return vectors: they have a pooling type."""
    return spec.keys.raw("pooling_type") is not None


def family_of(spec: Spec) -> Family:  # noqa: PLR0911 - a table of cases, one return each
    """The class of a model, by name and, for unknown names, by what the file contains."""
    name = spec.architecture
    if name in _NESTED:
        return Nested()
    if name in _SHARED:
        return Shared()
    if name in _ENCODER or (name not in KNOWN and spec.keys.raw("attention.causal") is False):
        return Encoder()
    if name in _DELTA or (name not in KNOWN and _has(spec, "ssm_a", "attn_gate.weight")):
        return DeltaNet()
    if name in _RECURRENT or (name not in KNOWN and not any(spec.heads) and _has(spec, "ssm_in.weight")):
        return Recurrent()
    if name in _HYBRID or _has(spec, "ssm_in.weight") or _has(spec, "shortconv.conv.weight"):
        return Hybrid()
    if name in _LATENT or _has(spec, "attn_kv_a_mqa.weight"):
        return Latent()
    if name not in KNOWN and not all(_is_transformer(block) for block in spec.blocks):
        return Unknown()
    return Sliding() if any(window is not None for window in windows_of(spec)) else Dense()


def _is_transformer(block: Block) -> bool:
    """True for a layer of attention and feed-forward as the dense class draws it."""
    apart = all(f"attn_{name}.weight" in block for name in ("q", "k"))
    fed = "ffn_up.weight" in block and "ffn_down.weight" in block
    routed = "ffn_gate_inp.weight" in block and "ffn_down_exps.weight" in block
    return (apart or "attn_qkv.weight" in block) and "attn_output.weight" in block and (fed or routed)


def _has(spec: Spec, *names: str) -> bool:
    """True if one layer has all these tensors."""
    return any(all(name in block for name in names) for block in spec.blocks)
