"""Encoders that embed text: BERT, Nomic, Jina, ModernBERT-like models.

Remembered: nothing, there is no cache. A pass attends within the batch: the mask and, without flash attention, the
scores are `tokens x tokens`. The result is one vector a sequence, or a token, so rows are as many as the batch.

Source: llama.cpp, src/models/bert.cpp, build_attn_inp_no_cache and build_pooling in src/llama-graph.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import blocks, dense, moe
from toolkit.fit.cache import LayerMemory
from toolkit.fit.graph import F16, F32

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Spec

_ROTATES: Final = ("nomic-bert", "nomic-bert-moe", "jina-bert-v3", "modern-bert", "gemma-embedding")
PERIODS: Final = {"gemma-embedding": (6, -1), "modern-bert": (3, 0)}
"""Layers in a period, and which of them sees everything."""
_NO_POSITIONS: Final = ("jina-bert-v2",)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Attention both ways; norms after each block, or before it as in a decoder."""

    title: str = "encoder"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """Nothing."""
        return (LayerMemory(),) * spec.layers

    def draw(self, one_pass: Pass) -> None:
        """Embeddings, layers, pooling."""
        graph, spec = one_pass.graph, one_pass.spec
        if _norms_first(spec):
            _draw_norms_first(one_pass)
            return
        x = one_pass.embedded()
        if "token_types.weight" in spec.roots:
            x = graph.over(x, graph.kept(spec.embedding * F32, graph.host))  # a row of it: no weight to be followed
        if "position_embd.weight" in spec.roots:
            positions = one_pass.looked_up(spec.roots["position_embd.weight"], one_pass.positions)
            x = graph.over(positions, x)
        one_pass.enter_first()
        x = blocks.layer_norm(one_pass, x, spec.roots, "token_embd_norm")
        mask = graph.feed(one_pass.size.tokens**2 * (F16 if one_pass.size.flash else F32))
        for layer in one_pass.layers():
            x = _layer(one_pass, x, layer, mask)
        x.is_output = True
        graph.run(x)
        dense.pool(one_pass, x)


def _norms_first(spec: Spec) -> bool:
    return any("attn_norm.weight" in block for block in spec.blocks)


def _draw_norms_first(one_pass: Pass) -> None:
    """Layers as in a decoder, without a cache; symmetric windows have a mask of their own."""
    graph, spec, tokens = one_pass.graph, one_pass.spec, one_pass.size.tokens
    x = dense.embedded(one_pass)
    if "token_embd_norm.weight" in spec.roots:
        one_pass.enter_first()
        x = blocks.norm(one_pass, x, spec.roots, "token_embd_norm")
    windows = _slides(spec)
    masks = [graph.feed(tokens**2 * (F16 if one_pass.size.flash else F32)) for _ in range(2)]
    for layer in one_pass.layers():
        block = one_pass.block(layer)
        normed = blocks.norm(one_pass, x, block, "attn_norm") if "attn_norm.weight" in block else x
        mixed = _attention(one_pass, normed, layer, masks[windows[layer]])
        x = dense.after_mixing(one_pass, x, mixed, layer)
    x = blocks.norm(one_pass, x, spec.roots, "output_norm")
    x.is_output = True
    graph.run(x)
    dense.pool(one_pass, x)


def _slides(spec: Spec) -> tuple[bool, ...]:
    """Which layers see a window only; in a period of the architecture the last layer, or the first, sees everything."""
    if not spec.keys.whole("attention.sliding_window", 0) or spec.architecture not in PERIODS:
        return (False,) * spec.layers
    period, full = PERIODS[spec.architecture]
    period = spec.keys.whole("attention.sliding_window_pattern", period)
    return tuple(layer % period != full % period for layer in range(spec.layers))


def _layer(one_pass: Pass, x: Tensor, layer: int, mask: Tensor) -> Tensor:
    graph, block = one_pass.graph, one_pass.block(layer)
    mixed = _attention(one_pass, x, layer, mask)
    if layer == one_pass.last_layer:
        mixed, x = one_pass.only_rows_out(mixed, x)
    fed = blocks.layer_norm(one_pass, graph.over(mixed, x), block, "attn_output_norm")
    routed = "ffn_gate_inp.weight" in block
    out = moe.feed_forward(one_pass, fed, block) if routed else blocks.feed_forward(one_pass, fed, block)
    return blocks.layer_norm(one_pass, graph.over(out, fed), block, "layer_output_norm")


def _attention(one_pass: Pass, x: Tensor, layer: int, mask: Tensor) -> Tensor:
    graph, spec, block, tokens = one_pass.graph, one_pass.spec, one_pass.block(layer), one_pass.size.tokens
    heads = blocks.Heads(spec.heads[layer], spec.kv_heads[layer], spec.key_length, spec.value_length)
    query, key, value = blocks.queries_keys_values(one_pass, x, block, heads)
    if "attn_q_norm.weight" in block:
        query, key = (blocks.norm(one_pass, t, block, f"attn_{n}_norm") for t, n in ((query, "q"), (key, "k")))
    if spec.architecture in _ROTATES:
        query, key = blocks.rotated(one_pass, query), blocks.rotated(one_pass, key)
    if spec.architecture in dense.SCALED_QUERIES:
        query = graph.over(query)
    graph.run(query, key, value)
    flat = (heads.value_length * heads.queries, tokens)
    asked = graph.part(graph.view(query, query.shape), (heads.key_length, tokens, heads.queries))
    if one_pass.size.flash:
        key16, value16 = (graph.new(t.shape, graph.part(t, t.shape), item_bytes=F16) for t in (key, value))
        shape = (heads.value_length, heads.queries, tokens)
        out = graph.view(blocks.fused(one_pass, shape, (asked, key16, value16, mask), 0), flat)
    else:
        scores = graph.new((tokens, tokens, heads.queries), graph.part(key, key.shape), asked)
        weights = graph.over(scores, mask)
        lying = graph.new(value.shape, graph.part(value, value.shape))
        mixed = graph.new((heads.value_length, tokens, heads.queries), lying, weights)
        out = graph.new(flat, graph.part(mixed, ()))
    graph.run(out)
    return blocks.linear(one_pass, out, block, "attn_output")
