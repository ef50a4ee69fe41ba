"""Decoders with grouped-query attention: Llama, Qwen, Mistral, Phi, Command R, Granite, OLMo and their kin.

Remembered: on every layer `kv heads x (key length + value length)` elements a cell.
One pass, layer by layer: norm, queries, keys and values, attention over the cache, projection, norm, feed-forward. With
flash attention the peak is the feed-forward of one layer, about
`tokens x (3 x embedding + 3 x feed forward) x 4 + tokens x cells x 2`; without it, the scores,
`heads x tokens x cells x 4`.
What differs between the models shows in the file: biases, head norms, norms after a block, one norm for attention and
feed-forward side by side (no `ffn_norm`), scalings (`embedding_scale`, `residual_scale`, `logit_scale`), soft caps.

Source: llama.cpp, src/llama-graph.cpp and src/models (llama, qwen2, qwen3, phi3, command-r, gemma, granite, olmo2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import blocks, moe
from toolkit.fit.cache import LayerMemory
from toolkit.fit.graph import F32, I32
from toolkit.fit.passes import ROWS_AFTER_LAST_NORM, ROWS_BEFORE_LAST_NORM

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import CacheInputs, Pass
    from toolkit.fit.spec import Block, Spec

SCALED_EMBEDDINGS: Final = ("gemma", "gemma2", "gemma3", "gemma-embedding", "minicpm", "minicpm3", "grok")
SCALED_QUERIES: Final = ("gemma", "gemma2", "gemma3", "gemma-embedding", "phi2", "phi3", "phimoe")
SLIDING_ROTATION_ONLY: Final = ("cohere2", "exaone4", "afmoe", "llama4")
"""Architectures whose full layers have no position embedding if others slide."""
_MEAN: Final = 1
"""The pooling type that means the mean (llama.h)."""
RESIDUAL_FIRST: Final = ("lfm2", "lfm2moe", "jamba")
_MIXED_FIRST: Final = ("phi2",)
"""Of the architectures with both blocks side by side, those that add the feed-forward to attention first."""
_UNROTATED_NORMS: Final = ("llama4",)
"""Architectures that norm queries and keys without weights, after their rotation."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Decoders whose layers all see the whole context."""

    title: str = "dense"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """Keys and values of every layer."""
        return tuple(LayerMemory(n * spec.key_length, n * spec.value_length) for n in spec.kv_heads)

    def draw(self, one_pass: Pass) -> None:
        """All layers over the one cache."""
        x = embedded(one_pass)
        for layer in one_pass.layers():
            x = decoder_layer(one_pass, x, layer, one_pass.full)
            if layer < one_pass.deep_inputs and one_pass.input is not None:
                x = one_pass.graph.over(x, one_pass.graph.part(one_pass.input, x.shape))
        head(one_pass, x)


def embedded(one_pass: Pass) -> Tensor:
    """Token embeddings, scaled where the architecture does that."""
    x = one_pass.embedded()
    spec = one_pass.spec
    if spec.architecture in SCALED_EMBEDDINGS or spec.keys.number("embedding_scale"):
        x = one_pass.graph.over(x)
    if spec.keys.number("embedding_scale"):
        one_pass.graph.run(x)
    return x


def heads_of(spec: Spec, layer: int) -> blocks.Heads:
    """Head counts of a layer."""
    return blocks.Heads(spec.heads[layer], spec.kv_heads[layer], spec.key_length, spec.value_length)


def attention(one_pass: Pass, x: Tensor, layer: int, inputs: CacheInputs) -> Tensor:
    """Attention of one layer, from the normed input to the projected output."""
    spec, block, heads = one_pass.spec, one_pass.block(layer), heads_of(one_pass.spec, layer)
    query, key, value = blocks.queries_keys_values(one_pass, x, block, heads)
    if "attn_q_norm.weight" in block:
        query = blocks.head_norm(one_pass, query, block, "attn_q_norm")
    if "attn_k_norm.weight" in block:
        key = blocks.head_norm(one_pass, key, block, "attn_k_norm")
    bare = one_pass.windowed and inputs is one_pass.full and spec.architecture in SLIDING_ROTATION_ONLY
    if one_pass.rotates and not bare:
        query, key = blocks.rotated(one_pass, query), blocks.rotated(one_pass, key)
        if spec.architecture in _UNROTATED_NORMS:
            query, key = (blocks.rms_norm(one_pass, part, block, "") for part in (query, key))
    if spec.keys.number("attention.temperature_scale") or (bare and spec.architecture in _UNROTATED_NORMS):
        query = one_pass.graph.over(query, one_pass.temperatures)
    if spec.architecture in SCALED_QUERIES:
        query = one_pass.graph.over(query)
    soft_cap = spec.keys.number("attn_logit_softcapping") > 0
    sinks = block.get("attn_sinks.weight")
    mixed = blocks.attend(one_pass, query, key, value, heads, inputs=inputs, soft_cap=soft_cap, sinks=sinks)
    return blocks.linear(one_pass, mixed, block, "attn_output")


def decoder_layer(one_pass: Pass, x: Tensor, layer: int, inputs: CacheInputs) -> Tensor:
    """One layer, attention and feed-forward."""
    block = one_pass.block(layer)
    normed = blocks.norm(one_pass, x, block, "attn_norm") if "attn_norm.weight" in block else x
    mixed = attention(one_pass, normed, layer, inputs)
    if one_pass.side_by_side(block):
        return _side_by_side(one_pass, x, normed, mixed, layer)
    return after_mixing(one_pass, x, mixed, layer)


def after_mixing(one_pass: Pass, residual: Tensor, mixed: Tensor, layer: int) -> Tensor:
    """What follows attention (or whatever mixes the tokens): residual, norm, feed-forward or experts, residual.

    After the last layer's mixing only the rows that get logits go on.
    """
    graph, block = one_pass.graph, one_pass.block(layer)
    scaled = one_pass.spec.keys.number("residual_scale") > 0
    if layer == one_pass.last_layer:
        mixed, residual = one_pass.only_rows_out(mixed, residual)
    sandwiched = "ffn_norm.weight" in block or "attn_norm.weight" not in block
    if sandwiched and "post_attention_norm.weight" in block:
        mixed = blocks.norm(one_pass, mixed, block, "post_attention_norm")
    between = _added(one_pass, graph.over(mixed) if scaled else mixed, residual)
    out = _fed(one_pass, between, block)
    if "post_ffw_norm.weight" in block:
        out = blocks.norm(one_pass, out, block, "post_ffw_norm")
    return _added(one_pass, graph.over(out) if scaled else out, between)


def _added(one_pass: Pass, new: Tensor, residual: Tensor) -> Tensor:
    """The sum; it overwrites the first of the two, and the architectures differ in which that is."""
    pair = (residual, new) if one_pass.spec.architecture in RESIDUAL_FIRST else (new, residual)
    return one_pass.graph.over(*pair)


def _fed(one_pass: Pass, x: Tensor, block: Block) -> Tensor:
    for name in ("ffn_norm", "post_attention_norm"):
        if f"{name}.weight" in block and "attn_norm.weight" in block:
            x = blocks.norm(one_pass, x, block, name)
            break
    if "ffn_gate_inp.weight" in block:
        return moe.feed_forward(one_pass, x, block)
    return blocks.feed_forward(one_pass, x, block)


def _side_by_side(one_pass: Pass, x: Tensor, normed: Tensor, mixed: Tensor, layer: int) -> Tensor:
    """Attention and feed-forward of the same normed input, added up."""
    graph, block = one_pass.graph, one_pass.block(layer)
    if layer == one_pass.last_layer:
        mixed, x, normed = one_pass.only_rows_out(mixed, x, normed)
    out = blocks.feed_forward(one_pass, normed, block)
    if one_pass.spec.architecture in _MIXED_FIRST:
        return graph.over(graph.over(mixed, out), x)
    return graph.over(graph.over(out, x), mixed)


def head(one_pass: Pass, x: Tensor) -> None:
    """Final norm and logits; both stay, as the host reads them."""
    graph, spec = one_pass.graph, one_pass.spec
    one_pass.enter_head()
    name = "output_norm" if "output_norm.weight" in spec.roots else "token_embd_norm"
    if spec.architecture in ROWS_BEFORE_LAST_NORM:
        x.is_output = True
        (x,) = one_pass.only_rows_out(x)
    x = blocks.norm(one_pass, x, spec.roots, name)
    x.is_output = True
    if spec.architecture in ROWS_AFTER_LAST_NORM:
        (x,) = one_pass.only_rows_out(x)
        x.is_output = True
    logits = graph.product((spec.vocabulary, x.shape[1]), one_pass.head_weight(), x)
    if "output.bias" in spec.roots:
        logits = blocks.with_weight(one_pass, logits, spec.roots, "output.bias")
    if spec.keys.number("logit_scale"):
        logits = graph.over(logits)
    if spec.keys.number("final_logit_softcapping"):
        logits = graph.over(graph.over(graph.over(logits)))
    logits.is_output = True
    graph.run(logits)
    if spec.keys.raw("pooling_type") is not None:
        pool(one_pass, x)


def pool(one_pass: Pass, x: Tensor) -> None:
    """One vector a sequence: the mean of its tokens, or one of them; nothing if each token has its own."""
    graph, spec, size = one_pass.graph, one_pass.spec, one_pass.size
    pooling = spec.keys.whole("pooling_type", _MEAN)
    if pooling == _MEAN:
        turned = graph.new((size.tokens, spec.embedding), graph.part(x, ()))
        pooled = graph.new((spec.embedding, size.slots), turned, graph.feed(size.tokens * size.slots * F32))
    elif pooling:
        pooled = graph.new((spec.embedding, size.slots), x, graph.feed(size.slots * I32))
    else:
        return
    pooled.is_output = True
    graph.run(pooled)
