"""Multi-head latent attention: DeepSeek V2 and V3, Kimi K2, GLM 4.7 Flash.

Two conversions exist. The newer one (`key_length_mla` in the file) caches the compressed vector only,
`kv_lora_rank + rope dimensions` elements a cell and no values, and attends in the compressed space with one key head.
The older one, which Ollama ships for deepseek-coder-v2, caches full heads: `heads x (key length + value length)`.
The peak of a pass is the wide query (`heads x (kv_lora_rank + rope)` a token) or, without flash attention, the scores.

Source: llama.cpp, src/models/deepseek2.cpp and build_attn_mha in src/llama-graph.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.fit.architectures import blocks, dense
from toolkit.fit.cache import LayerMemory

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Block, Spec


def compresses(spec: Spec) -> bool:
    """True for the newer conversion."""
    return spec.keys.raw("attention.key_length_mla") is not None


@dataclass(frozen=True, slots=True)
class Latent:
    """DeepSeek's attention, either conversion; experts on all layers but the first few."""

    title: str = "latent attention"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """The compressed vector, or full heads."""
        if compresses(spec):
            return (LayerMemory(spec.key_length),) * spec.layers
        return tuple(LayerMemory(n * spec.key_length, n * spec.value_length) for n in spec.kv_heads)

    def draw(self, one_pass: Pass) -> None:
        """Layers as in a dense decoder, with this attention."""
        x = dense.embedded(one_pass)
        attention = _compressed if compresses(one_pass.spec) else _full_heads
        for layer in one_pass.layers():
            normed = blocks.norm(one_pass, x, one_pass.block(layer), "attn_norm")
            x = dense.after_mixing(one_pass, x, attention(one_pass, normed, layer), layer)
        dense.head(one_pass, x)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Query and key, each split into a part that is rotated and one that is not."""

    query_plain: Tensor
    query_turned: Tensor
    key_plain: Tensor
    key_turned: Tensor


def _parts(one_pass: Pass, x: Tensor, layer: int, key_length: int) -> _Parts:
    graph, spec, block, tokens = one_pass.graph, one_pass.spec, one_pass.block(layer), one_pass.size.tokens
    heads, rope = spec.heads[layer], spec.keys.whole("rope.dimension_count")
    if "attn_q.weight" in block:
        query = blocks.linear(one_pass, x, block, "attn_q")
    else:
        narrow = blocks.norm(one_pass, blocks.linear(one_pass, x, block, "attn_q_a"), block, "attn_q_a_norm")
        query = blocks.linear(one_pass, narrow, block, "attn_q_b")
    joint = blocks.linear(one_pass, x, block, "attn_kv_a_mqa")
    rank = joint.shape[0] - rope
    return _Parts(
        query_plain=graph.part(query, (key_length - rope, heads, tokens), width=key_length),
        query_turned=blocks.rotated(one_pass, graph.part(query, (rope, heads, tokens), width=key_length)),
        key_plain=blocks.norm(one_pass, graph.part(joint, (rank, tokens), width=rank + rope), block, "attn_kv_a_norm"),
        key_turned=blocks.rotated(one_pass, graph.part(joint, (rope, 1, tokens), width=rank + rope)),
    )


def _full_heads(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """The older conversion: keys and values are expanded to full heads before they are stored."""
    graph, spec, block, tokens = one_pass.graph, one_pass.spec, one_pass.block(layer), one_pass.size.tokens
    heads = dense.heads_of(spec, layer)
    parts = _parts(one_pass, x, layer, heads.key_length)
    expanded = blocks.linear(one_pass, parts.key_plain, block, "attn_kv_b")
    each = expanded.shape[0] // heads.keys
    plain = graph.part(expanded, parts.query_plain.shape, width=each)
    value_part = graph.part(expanded, (heads.value_length, heads.keys, tokens), width=each)
    value = graph.new(value_part.shape, value_part)
    shape = (heads.key_length, heads.queries, tokens)
    query = graph.new(shape, parts.query_plain, parts.query_turned)
    repeated = graph.new(parts.query_turned.shape, parts.key_turned)
    key = graph.new(shape, plain, repeated)
    mixed = blocks.attend(one_pass, query, key, value, heads, inputs=one_pass.full)
    return blocks.linear(one_pass, mixed, block, "attn_output")


def _compressed(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """The newer conversion: one compressed key head, expanded only after attention."""
    graph, spec, block, tokens = one_pass.graph, one_pass.spec, one_pass.block(layer), one_pass.size.tokens
    heads, inputs = spec.heads[layer], one_pass.full
    parts = _parts(one_pass, x, layer, spec.keys.whole("attention.key_length_mla"))
    rank = parts.key_plain.shape[0]
    plain = graph.part(parts.query_plain, (parts.query_plain.shape[0], tokens, heads))
    absorbed = graph.product((rank, tokens, heads), one_pass.weight(block["attn_k_b.weight"]), plain)
    wide = (spec.key_length, heads, tokens)
    query = graph.new(wide, graph.part(absorbed, (rank, heads, tokens)), parts.query_turned)
    value = graph.view(parts.key_plain, (rank, 1, tokens))
    key = graph.new((spec.key_length, 1, tokens), value, parts.key_turned)
    graph.run(query, value, key)
    cache = one_pass.cache()
    graph.run(graph.store(cache, graph.view(key, key.shape), inputs.key_rows))
    out = _expanded_after(one_pass, query, block, rank)
    graph.run(out)
    return blocks.linear(one_pass, out, block, "attn_output")


def _expanded_after(one_pass: Pass, query: Tensor, block: Block, rank: int) -> Tensor:
    graph, spec, size = one_pass.graph, one_pass.spec, one_pass.size
    cells, streams, heads = one_pass.full.cells, size.streams.count, query.shape[1]
    tokens = size.tokens // streams
    length = spec.keys.whole("attention.value_length_mla")
    asked = graph.part(graph.view(query, query.shape), (spec.key_length, tokens, heads, streams))
    keys, values = (one_pass.cached(cells, 1, spec.key_length, length) for length in (spec.key_length, rank))
    if size.flash:
        copies = blocks.flash_copies_bytes(one_pass, cells, spec.key_length)
        shape = (rank, heads, tokens, streams)
        mixed = blocks.fused(one_pass, shape, (asked, keys, values, one_pass.full.mask), copies)
        mixed = graph.part(mixed, (rank, tokens, heads, streams))
    else:
        scores = graph.product((cells, tokens, heads, streams), keys, asked)
        weights = graph.over(scores, one_pass.full.mask)
        lying = graph.new((cells, rank, 1, streams), values, item_bytes=one_pass.cell_bytes)
        mixed = graph.product((rank, tokens, heads, streams), lying, weights)
    opened = graph.product((length, tokens, heads, streams), one_pass.weight(block["attn_v_b.weight"]), mixed)
    return graph.view(
        graph.new((length, heads, tokens, streams), graph.part(opened, ())), (length * heads, size.tokens)
    )
