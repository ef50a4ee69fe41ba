"""Tensors of a model from its hyperparameters alone, where neither its file nor a list of its tensors is at hand.

Names and shapes follow the converters of llama.cpp, storage types its recipes: `Q4_K_M` gives half of the value and
down projections and the head six bits, rows that are no multiple of 256 fall back to blocks of 32; `Q4_0` gives the
head six bits; mixtures of eight experts keep keys and values in eight.
Source: llama.cpp, src/llama-quant.cpp. A draft's sizes are those of the real file if that was made by these recipes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.spec import Keys
from toolkit.ollama.gguf.records import GgufError, Header, TensorInfo
from toolkit.ollama.gguf.types import STORAGE_BY_NAME, StorageType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit.ollama.gguf.records import Value

Part = tuple[str, tuple[int, ...]]

_HEADER_BYTES_A_TOKEN: Final = 48
"""What a vocabulary takes in a header: tokens, merges, types; between 40 and 60 bytes a token in published files."""
_FALLBACKS: Final = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_SEVENTY_B_LAYERS: Final = 80
_FEW_EXPERTS: Final = 8
_THIRD: Final = 2
_BIASED_QUERIES: Final = ("qwen2", "qwen2moe", "gpt-oss")
_HEAD_NORMS: Final = ("qwen3", "qwen3moe", "gemma3")
_SANDWICHED: Final = ("gemma2", "gemma3")
_FUSED: Final = ("phi3",)
_ONE_NORM: Final = ("command-r", "cohere2")
DRAFTED: Final = (
    "llama", "qwen2", "qwen3", "qwen3moe", "gemma2", "gemma3", "phi3", "command-r", "cohere2", "gpt-oss", "deepseek2",
    "nomic-bert",
)  # fmt: skip
"""Architectures whose tensors can be drafted."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The hyperparameters that a draft needs."""

    architecture: str
    layers: int
    embedding: int
    feed_forward: int
    query_width: int
    key_width: int
    value_width: int
    head_length: int
    heads: int
    experts: int
    expert_feed_forward: int
    vocabulary: int
    tied: bool
    keys: Keys


def drafted(
    name: str,
    metadata: Mapping[str, Value],
    vocabulary: int,
    file_type: str,
    *,
    tied: bool,
    file_bytes: int | None = None,
) -> Header:
    """A header with drafted tensors. Raises GgufError for an architecture that cannot be drafted."""
    bare = Header(name, 3, "little", metadata, (), None, file_bytes)
    if bare.architecture not in DRAFTED:
        raise GgufError(f"{name}: the tensors of {bare.architecture} models cannot be told from numbers; give the file")
    shape = _shape(bare, vocabulary, tied=tied)
    tensors = tuple(_typed(shape, part, file_type) for part in _parts(shape))
    size = file_bytes or sum(t.nbytes for t in tensors) + _HEADER_BYTES_A_TOKEN * vocabulary
    return Header(name, 3, "little", metadata, tensors, None, size)


def _shape(header: Header, vocabulary: int, *, tied: bool) -> Shape:
    keys = Keys(header)
    heads, embedding = keys.whole("attention.head_count"), keys.whole("embedding_length")
    kv_heads = keys.whole("attention.head_count_kv", heads)
    key_length = keys.whole("attention.key_length", embedding // heads)
    return Shape(
        architecture=header.architecture,
        layers=keys.whole("block_count"),
        embedding=embedding,
        feed_forward=keys.whole("feed_forward_length"),
        query_width=heads * key_length,
        key_width=kv_heads * key_length,
        value_width=kv_heads * keys.whole("attention.value_length", embedding // heads),
        head_length=key_length,
        heads=heads,
        experts=keys.whole("expert_count", 0),
        expert_feed_forward=keys.whole("expert_feed_forward_length", keys.whole("feed_forward_length")),
        vocabulary=vocabulary,
        tied=tied,
        keys=keys,
    )


def _parts(shape: Shape) -> Iterator[Part]:
    """All tensors, in no particular order."""
    wide = shape.embedding
    yield "token_embd.weight", (wide, shape.vocabulary)
    if shape.architecture == "nomic-bert":
        yield from (("token_embd_norm.weight", (wide,)), ("token_embd_norm.bias", (wide,)))
        yield "token_types.weight", (wide, 2)
    else:
        yield "output_norm.weight", (wide,)
        if not shape.tied:
            yield "output.weight", (wide, shape.vocabulary)
    for layer in range(shape.layers):
        for name, dimensions in _layer(shape, layer):
            yield f"blk.{layer}.{name}", dimensions


def _layer(shape: Shape, layer: int) -> Iterator[Part]:
    if shape.architecture == "nomic-bert":
        yield from _encoder_layer(shape)
        return
    wide = shape.embedding
    yield "attn_norm.weight", (wide,)
    yield from _latent_attention(shape) if shape.architecture == "deepseek2" else _attention(shape)
    if shape.architecture == "gpt-oss":
        yield "post_attention_norm.weight", (wide,)
    elif shape.architecture not in _ONE_NORM:
        yield "ffn_norm.weight", (wide,)
    if shape.architecture in _SANDWICHED:
        yield from (("post_attention_norm.weight", (wide,)), ("post_ffw_norm.weight", (wide,)))
    routed = shape.experts > 0 and layer >= shape.keys.whole("leading_dense_block_count", 0)
    yield from _experts(shape) if routed else _dense(shape)


def _attention(shape: Shape) -> Iterator[Part]:
    wide = shape.embedding
    widths = {"q": shape.query_width, "k": shape.key_width, "v": shape.value_width}
    if shape.architecture in _FUSED:
        yield "attn_qkv.weight", (wide, sum(widths.values()))
    else:
        yield from ((f"attn_{name}.weight", (wide, width)) for name, width in widths.items())
    if shape.architecture in _BIASED_QUERIES:
        yield from ((f"attn_{name}.bias", (width,)) for name, width in widths.items())
    if shape.architecture in _HEAD_NORMS:
        yield from ((f"attn_{name}_norm.weight", (shape.head_length,)) for name in ("q", "k"))
    if shape.architecture == "gpt-oss":
        yield from (("attn_output.bias", (wide,)), ("attn_sinks.weight", (shape.heads,)))
    yield "attn_output.weight", (shape.query_width, wide)


def _latent_attention(shape: Shape) -> Iterator[Part]:
    """The older conversion of DeepSeek V2 without a compressed query."""
    rank, rope = shape.keys.whole("attention.kv_lora_rank"), shape.keys.whole("rope.dimension_count")
    value = shape.keys.whole("attention.value_length")
    yield "attn_q.weight", (shape.embedding, shape.query_width)
    yield "attn_kv_a_norm.weight", (rank,)
    yield "attn_kv_a_mqa.weight", (shape.embedding, rank + rope)
    yield "attn_kv_b.weight", (rank, shape.heads * (shape.head_length - rope + value))
    yield "attn_output.weight", (shape.heads * value, shape.embedding)


def _dense(shape: Shape, width: int | None = None, suffix: str = "") -> Iterator[Part]:
    wide, inner = shape.embedding, width or shape.feed_forward
    if shape.architecture in _FUSED:
        yield "ffn_up.weight", (wide, 2 * inner)
    else:
        yield from ((f"ffn_{name}{suffix}.weight", (wide, inner)) for name in ("gate", "up"))
    yield f"ffn_down{suffix}.weight", (inner, wide)


def _experts(shape: Shape) -> Iterator[Part]:
    wide, inner, count = shape.embedding, shape.expert_feed_forward, shape.experts
    yield "ffn_gate_inp.weight", (wide, count)
    yield from ((f"ffn_{name}_exps.weight", (wide, inner, count)) for name in ("gate", "up"))
    yield "ffn_down_exps.weight", (inner, wide, count)
    if shape.architecture == "gpt-oss":
        yield "ffn_gate_inp.bias", (count,)
        yield from ((f"ffn_{name}_exps.bias", (inner, count)) for name in ("gate", "up"))
        yield "ffn_down_exps.bias", (wide, count)
    shared = shape.keys.whole("expert_shared_count", 0)
    if shared:
        yield from _dense(shape, shared * inner, "_shexp")


def _encoder_layer(shape: Shape) -> Iterator[Part]:
    wide = shape.embedding
    yield "attn_qkv.weight", (wide, 3 * wide)
    yield "attn_output.weight", (wide, wide)
    for name in ("attn_output_norm", "layer_output_norm"):
        yield from ((f"{name}.weight", (wide,)), (f"{name}.bias", (wide,)))
    yield from _dense(shape)


def _typed(shape: Shape, part: Part, file_type: str) -> TensorInfo:
    name, dimensions = part
    return TensorInfo(name, dimensions, _storage(shape, name, dimensions, file_type))


def _storage(shape: Shape, name: str, dimensions: tuple[int, ...], file_type: str) -> StorageType:
    if len(dimensions) == 1 or name.endswith(".bias") or "ffn_gate_inp" in name or "_norm" in name:
        return STORAGE_BY_NAME["F32"]
    if name == "token_types.weight":
        return STORAGE_BY_NAME["F32"]
    chosen = STORAGE_BY_NAME[_recipe(shape, name, file_type)]
    if dimensions[0] % chosen.block_elements:
        chosen = STORAGE_BY_NAME[_FALLBACKS.get(chosen.name, "F16")]
    return chosen


def _recipe(shape: Shape, name: str, file_type: str) -> str:  # noqa: PLR0911 - a table of cases, one return each
    """The storage type that the recipe wants, before rows are looked at."""
    if file_type == "MXFP4":
        return "MXFP4" if "_exps" in name else "BF16"
    if file_type not in {"Q4_K_M", "Q4_0"}:
        return file_type
    if name == "output.weight" or (name == "token_embd.weight" and shape.tied):
        return "Q6_K"
    part = name.rsplit(".", 2)[-2]
    if shape.experts == _FEW_EXPERTS and part in {"attn_k", "attn_v"}:
        return "Q8_0"
    if file_type == "Q4_0":
        return "Q4_0"
    if part == "attn_qkv" or (part == "attn_output" and shape.experts == _FEW_EXPERTS):
        return "Q5_K"
    if part in {"attn_v", "ffn_down", "ffn_down_exps", "ffn_down_shexp"} and _more_bits(name, shape.layers):
        return "Q6_K"
    return "Q5_K" if part == "attn_v" and shape.layers == _SEVENTY_B_LAYERS else "Q4_K"


def _more_bits(name: str, layers: int) -> bool:
    """The first and the last eighth of the layers, and every third between them."""
    layer, eighth = int(name.split(".")[1]), layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == _THIRD
