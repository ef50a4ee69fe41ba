"""Gemma 4: sliding windows with shorter heads than the full layers have, and caches that later layers share.

Remembered: a sliding layer keeps its window with heads of `key_length_swa` and `value_length_swa`, a full one all of
the context with the long heads. The last `shared_kv_layers` store nothing and read the cache of an earlier layer of
their kind.
Small models add an embedding of each token for each layer, as Gemma 3n does; a large one has experts beside its dense
feed-forward, which route by the residual instead of its norm.

Source: llama.cpp, src/models/gemma4.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.fit.architectures import blocks, dense, moe
from toolkit.fit.architectures.nested import layer_embeddings, one_of
from toolkit.fit.architectures.sliding import windows_of
from toolkit.fit.cache import LayerMemory

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Block, Spec


@dataclass(frozen=True, slots=True)
class Shared:
    """Gemma 4."""

    title: str = "sliding window, shared caches"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """Keys and values of the layers that store them."""
        return tuple(_memory(spec, layer, window) for layer, window in enumerate(windows_of(spec)))

    def draw(self, one_pass: Pass) -> None:
        """Embeddings of both kinds, layers, logits."""
        x = one_pass.graph.over(one_pass.embedded())
        has_table = "per_layer_token_embd.weight" in one_pass.spec.roots
        per_layer = layer_embeddings(one_pass, x) if has_table else None
        windows = windows_of(one_pass.spec)
        for layer in one_pass.layers():
            x = _layer(one_pass, x, per_layer, layer, slides=windows[layer] is not None)
        dense.head(one_pass, x)


def storing_layers(spec: Spec) -> int:
    """How many layers keep keys and values of their own; they come first."""
    return len(spec.blocks) - spec.keys.whole("attention.shared_kv_layers", 0)


def _memory(spec: Spec, layer: int, window: int | None) -> LayerMemory:
    if layer >= storing_layers(spec):
        return LayerMemory()
    heads = _heads(spec, layer, slides=window is not None)
    return LayerMemory(heads.keys * heads.key_length, heads.keys * heads.value_length, window)


def _heads(spec: Spec, layer: int, *, slides: bool) -> blocks.Heads:
    lengths = spec.sliding_lengths if slides else (spec.key_length, spec.value_length)
    return blocks.Heads(spec.heads[layer], spec.kv_heads[layer], *lengths)


def _layer(one_pass: Pass, x: Tensor, per_layer: Tensor | None, layer: int, *, slides: bool) -> Tensor:
    graph, block = one_pass.graph, one_pass.block(layer)
    mixed = _attention(one_pass, blocks.rms_norm(one_pass, x, block, "attn_norm"), layer, slides=slides)
    mine = one_of(one_pass, per_layer) if per_layer is not None else None
    if layer == one_pass.last_layer:
        mixed, x = one_pass.only_rows_out(mixed, x)
    between = graph.over(blocks.rms_norm(one_pass, mixed, block, "post_attention_norm"), x)
    fed = blocks.rms_norm(one_pass, _fed(one_pass, between, block), block, "post_ffw_norm", pinned=False)
    out = graph.over(fed, between)
    if mine is not None:
        gate = graph.over(blocks.linear(one_pass, out, block, "inp_gate"))
        if layer == one_pass.last_layer:
            (mine,) = one_pass.only_rows_out(mine)
        projected = blocks.linear(one_pass, graph.over(gate, mine), block, "proj")
        out = graph.over(out, blocks.rms_norm(one_pass, projected, block, "post_norm"))
    if "layer_output_scale.weight" in block:
        out = blocks.with_weight(one_pass, out, block, "layer_output_scale.weight")
    return out


def _attention(one_pass: Pass, x: Tensor, layer: int, *, slides: bool) -> Tensor:
    graph, block, tokens = one_pass.graph, one_pass.block(layer), one_pass.size.tokens
    heads = _heads(one_pass.spec, layer, slides=slides)
    inputs = one_pass.sliding if slides else one_pass.full
    query = graph.view(blocks.linear(one_pass, x, block, "attn_q"), (heads.key_length, heads.queries, tokens))
    query = blocks.rotated(one_pass, blocks.rms_norm(one_pass, query, block, "attn_q_norm"))
    storing = storing_layers(one_pass.spec)
    if layer >= storing:
        one_pass.cache_home = one_pass.split.layers[storing - (2 if slides else 1)]
        mixed = blocks.attend(one_pass, query, None, None, heads, inputs=inputs)
        return blocks.linear(one_pass, mixed, block, "attn_output")
    joint = blocks.linear(one_pass, x, block, "attn_k")
    values = blocks.linear(one_pass, x, block, "attn_v") if "attn_v.weight" in block else joint
    key = graph.view(joint, (heads.key_length, heads.keys, tokens))
    value = graph.view(values, (heads.value_length, heads.keys, tokens))
    key = blocks.rotated(one_pass, blocks.rms_norm(one_pass, key, block, "attn_k_norm"))
    value = blocks.rms_norm(one_pass, value, block, "")
    mixed = blocks.attend(one_pass, query, key, value, heads, inputs=inputs)
    return blocks.linear(one_pass, mixed, block, "attn_output")


def _fed(one_pass: Pass, x: Tensor, block: Block) -> Tensor:
    """Feed-forward; with experts both run, and the experts' router has a norm of its own."""
    out = blocks.feed_forward(one_pass, blocks.rms_norm(one_pass, x, block, "ffn_norm"), block)
    if "ffn_gate_inp.weight" not in block:
        return out
    out = blocks.rms_norm(one_pass, out, block, "post_ffw_norm_1")
    normed = blocks.rms_norm(one_pass, x, block, "pre_ffw_norm_2")
    routed_by = one_pass.graph.over(blocks.rms_norm(one_pass, x, block, ""))
    routed_by = blocks.with_weight(one_pass, routed_by, block, "ffn_gate_inp.scale")
    logits = blocks.linear(one_pass, routed_by, block, "ffn_gate_inp")
    chosen = blocks.experts(one_pass, normed, block, moe.routing_of(one_pass.spec), logits)
    return one_pass.graph.over(out, blocks.rms_norm(one_pass, chosen, block, "post_ffw_norm_2"))
