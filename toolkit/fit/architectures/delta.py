"""Gated delta nets with some full attention: Qwen3-Next, Qwen3.5 and 3.6.

Remembered: keys and values on every n-th layer (`full_attention_interval`, 4), on the others per slot a convolution of
`(kernel - 1) x (inner + 2 x groups x state)` and a state of `state x inner`, f32 whatever the context.
In a pass the fused delta rule returns outputs and new states in one result; attention layers carry a gate as wide as
the query.

Source: llama.cpp, src/models (qwen3next, qwen35, delta-net-base).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import blocks, dense, recurrent
from toolkit.fit.cache import LayerMemory

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Spec

_INTERVAL: Final = 4
_REPEATS_HEADS: Final = ("qwen3next",)
"""Architectures that repeat keys and queries to the number of value heads before the delta rule."""


def attends(spec: Spec, layer: int) -> bool:
    """True on every n-th layer."""
    return (layer + 1) % spec.keys.whole("full_attention_interval", _INTERVAL) == 0


@dataclass(frozen=True, slots=True)
class DeltaNet:
    """Delta rule on most layers, attention on every n-th."""

    title: str = "hybrid (delta net)"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """A cache or a state, by layer."""
        state = recurrent.state_memory(spec)
        return tuple(
            LayerMemory(n * spec.key_length, n * spec.value_length) if attends(spec, layer) else state
            for layer, n in enumerate(spec.kv_heads)
        )

    def draw(self, one_pass: Pass) -> None:
        """Layers in file order."""
        x = one_pass.embedded()
        for layer in one_pass.layers():
            normed = blocks.norm(one_pass, x, one_pass.block(layer), "attn_norm")
            one_pass.graph.run(normed)
            mix = _attention if attends(one_pass.spec, layer) else _delta
            x = dense.after_mixing(one_pass, x, mix(one_pass, normed, layer), layer)
        dense.head(one_pass, x)


def _attention(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """Attention whose query projection carries a gate beside each head."""
    graph, block, heads = one_pass.graph, one_pass.block(layer), dense.heads_of(one_pass.spec, layer)
    tokens = one_pass.size.tokens
    double = blocks.linear(one_pass, x, block, "attn_q")
    query = blocks.norm(
        one_pass,
        graph.part(double, (heads.key_length, heads.queries, tokens), width=2 * heads.key_length),
        block,
        "attn_q_norm",
    )
    key = graph.view(blocks.linear(one_pass, x, block, "attn_k"), (heads.key_length, heads.keys, tokens))
    value = graph.view(blocks.linear(one_pass, x, block, "attn_v"), (heads.value_length, heads.keys, tokens))
    key = blocks.norm(one_pass, key, block, "attn_k_norm")
    gate = graph.new((heads.key_length * heads.queries, tokens), graph.part(double, ()))
    query, key = blocks.rotated(one_pass, query), blocks.rotated(one_pass, key)
    mixed = blocks.attend(one_pass, query, key, value, heads, inputs=one_pass.full)
    return blocks.linear(one_pass, graph.over(mixed, graph.over(gate)), block, "attn_output")


def _delta(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """One layer of the delta rule."""
    graph, block, slots = one_pass.graph, one_pass.block(layer), one_pass.size.slots
    sizes, steps = recurrent.sizes_of(one_pass.spec), one_pass.size.tokens // slots
    length = sizes.inner // sizes.rank
    joint = blocks.linear(one_pass, x, block, "attn_qkv")
    joint = graph.view(joint, (joint.shape[0], steps, slots))
    side = blocks.linear(one_pass, x, block, "attn_gate")
    strength, decay = _strength_and_decay(one_pass, x, layer, sizes)
    state = recurrent.remembered_state(one_pass, (sizes.kernel - 1) * sizes.channels)
    columns = graph.view(state, (sizes.kernel - 1, sizes.channels, slots))
    padded = graph.new((sizes.kernel - 1 + steps, sizes.channels, slots), columns, graph.part(joint, ()))
    graph.run(graph.store(one_pass.cache(), recurrent.last_columns(one_pass, padded, sizes.kernel - 1)))
    memory = recurrent.remembered_state(one_pass, sizes.state * sizes.inner)
    kernel = one_pass.weight(block["ssm_conv1d.weight"])
    mixed = graph.over(graph.new((sizes.channels, steps, slots), padded, kernel))
    narrow, wide = (sizes.state, sizes.groups, steps, slots), (length, sizes.rank, steps, slots)
    query, key = (graph.new(narrow, graph.part(mixed, narrow, width=sizes.channels)) for _ in range(2))
    if one_pass.spec.architecture in _REPEATS_HEADS and sizes.groups != sizes.rank:
        query, key = (graph.view(graph.new(wide, graph.view(part, narrow)), wide) for part in (query, key))
    value = graph.part(mixed, wide, width=sizes.channels)
    total = sizes.inner * one_pass.size.tokens + sizes.state * sizes.inner * slots
    result = graph.new((total,), query, key, value, decay, strength, graph.view(memory, (length, length, sizes.rank)))
    graph.run(graph.store(one_pass.cache(), graph.part(result, (sizes.state * sizes.inner * slots,))))
    normed = blocks.rms_norm(one_pass, graph.view(result, wide), block, "ssm_norm")
    gated = graph.over(normed, graph.over(graph.view(side, wide)))
    out = blocks.linear(one_pass, graph.view(gated, (sizes.inner, steps, slots)), block, "ssm_out")
    return graph.view(out, (out.shape[0], one_pass.size.tokens))


def _strength_and_decay(one_pass: Pass, x: Tensor, layer: int, sizes: recurrent.StateSizes) -> tuple[Tensor, Tensor]:
    """Per value head and token: how strongly the state is written, and how fast it fades."""
    graph, block, slots = one_pass.graph, one_pass.block(layer), one_pass.size.slots
    steps = one_pass.size.tokens // slots
    flat, spread = (sizes.rank, steps, slots), (1, sizes.rank, steps, slots)
    if "ssm_ba.weight" in block:
        joint = blocks.linear(one_pass, x, block, "ssm_ba")
        strength = graph.over(graph.new(spread, graph.part(joint, spread)))
        decay = graph.new(flat, graph.part(joint, flat))
    else:
        strength = graph.over(graph.view(blocks.linear(one_pass, x, block, "ssm_beta"), spread))
        decay = graph.view(blocks.linear(one_pass, x, block, "ssm_alpha"), flat)
    decay = graph.over(blocks.with_weight(one_pass, decay, block, "ssm_dt.bias"))
    decay = blocks.with_weight(one_pass, decay, block, "ssm_a")
    return strength, graph.view(decay, spread)
