"""Hybrids of attention with state space layers or short convolutions: Granite 4, Nemotron-H, Jamba, LFM2.

Remembered: keys and values on the attention layers only (those with kv heads), a state on the others.
A short convolution keeps `(l_cache - 1) x embedding` numbers a slot.
One pass mixes the layers of the dense and the recurrent class; experts or a dense feed-forward follow as usual.

Source: llama.cpp, src/llama-memory-hybrid.cpp and src/models (granite-hybrid, lfm2, nemotron-h, jamba).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.fit.architectures import blocks, dense, moe, recurrent
from toolkit.fit.cache import LayerMemory

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Spec


def attends(spec: Spec, layer: int) -> bool:
    """True if the layer has attention."""
    return spec.kv_heads[layer] > 0 and not spec.blocks[layer].keys().isdisjoint(("attn_q.weight", "attn_qkv.weight"))


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Some layers attend, the others scan or convolve."""

    title: str = "hybrid"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """A cache, a state, or both, by layer."""
        return tuple(_memory(spec, layer) for layer in range(spec.layers))

    def draw(self, one_pass: Pass) -> None:
        """Layers in file order."""
        x = dense.embedded(one_pass)
        one_pass.graph.run(x)
        for layer in one_pass.layers():
            block = one_pass.block(layer)
            if attends(one_pass.spec, layer) and "ssm_in.weight" in block:
                x = _both(one_pass, x, layer)
                continue
            normed = blocks.norm(one_pass, x, block, "attn_norm")
            mixed = _mixed(one_pass, normed, layer)
            if block.keys() & {"ffn_norm.weight", "post_attention_norm.weight"}:
                x = dense.after_mixing(one_pass, x, mixed, layer)
                continue
            if layer == one_pass.last_layer:
                mixed, x = one_pass.only_rows_out(mixed, x)
            x = one_pass.graph.over(mixed, x)
        dense.head(one_pass, x)


def _memory(spec: Spec, layer: int) -> LayerMemory:
    block, heads = spec.blocks[layer], spec.kv_heads[layer] if attends(spec, layer) else 0
    states: tuple[int, ...] = ()
    if "shortconv.conv.weight" in block:
        states = ((spec.keys.whole("shortconv.l_cache") - 1) * spec.embedding,)
    elif "ssm_in.weight" in block:
        states = recurrent.state_memory(spec).state_elements
    return LayerMemory(heads * spec.key_length, heads * spec.value_length, state_elements=states)


def _mixed(one_pass: Pass, normed: Tensor, layer: int) -> Tensor:
    """Whatever the layer has: attention, a scan, a convolution, or a feed-forward alone."""
    block = one_pass.block(layer)
    if "shortconv.conv.weight" in block:
        return _short_convolution(one_pass, normed, layer)
    if attends(one_pass.spec, layer):
        return dense.attention(one_pass, normed, layer, one_pass.full)
    if "ssm_in.weight" in block:
        scan = recurrent.mamba if "ssm_x.weight" in block else recurrent.mamba2
        return scan(one_pass, normed, layer)
    routed = "ffn_gate_inp.weight" in block
    return (moe.feed_forward if routed else blocks.feed_forward)(one_pass, normed, block)


def _both(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """A layer of Falcon H1: attention and a scan of the same input, each behind its own norm, then a feed-forward."""
    graph, block = one_pass.graph, one_pass.block(layer)
    attended = dense.attention(one_pass, blocks.norm(one_pass, x, block, "attn_norm"), layer, one_pass.full)
    scan = recurrent.mamba if "ssm_x.weight" in block else recurrent.mamba2
    scanned = scan(one_pass, blocks.norm(one_pass, x, block, "attn_norm"), layer)
    x = graph.over(graph.over(attended, scanned), x)
    if layer == one_pass.last_layer:
        (x,) = one_pass.only_rows_out(x)
    fed = blocks.feed_forward(one_pass, blocks.norm(one_pass, x, block, "ffn_norm"), block)
    return graph.over(fed, x)


def _short_convolution(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    graph, block, slots = one_pass.graph, one_pass.block(layer), one_pass.size.slots
    steps, columns = one_pass.size.tokens // slots, one_pass.spec.keys.whole("shortconv.l_cache") - 1
    width = x.shape[0]
    wide = blocks.linear(one_pass, graph.view(x, (width, steps, slots)), block, "shortconv.in_proj")
    shape = (width, steps, slots)
    first, second, third = (graph.part(wide, shape, width=3 * width) for _ in range(3))
    product = graph.over(first, third)
    state = recurrent.remembered_state(one_pass, columns * width)
    padded = graph.new(
        (columns + steps, width, slots), graph.view(state, (columns, width, slots)), graph.part(product, ())
    )
    graph.run(graph.store(one_pass.cache(), recurrent.last_columns(one_pass, padded, columns)))
    out = graph.over(second, graph.new(shape, padded, one_pass.weight(block["shortconv.conv.weight"])))
    projected = blocks.linear(one_pass, out, block, "shortconv.out_proj")
    return graph.view(projected, (projected.shape[0], one_pass.size.tokens))
