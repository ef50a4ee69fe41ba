"""Mixtures of experts: Mixtral, Qwen MoE, gpt-oss, Granite MoE, DeepSeek's experts, with and without shared experts.

Attention and cache are those of the other classes; only the feed-forward differs. Its peak is
`tokens x experts used x (2 or 3 x expert width, then embedding) x 4`: it grows with the experts used, not with all.

Source: llama.cpp, src/llama-graph.cpp (build_moe_ffn) and src/models (qwen3moe, openai-moe, deepseek2, qwen3next).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import blocks

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Block, Spec

_CHOOSES_FIRST: Final = ("gpt-oss",)
_WEIGHS_INPUT: Final = ("llama4",)
_NOT_NORMALISED: Final = ("gpt-oss", "qwen2moe", "deepseek", "olmoe", "nomic-bert-moe", "jamba", "llama4")


def routing_of(spec: Spec) -> blocks.Routing:
    """How the architecture weighs its experts."""
    said = spec.keys.raw("expert_weights_norm")
    normalised = bool(said) if said is not None else spec.architecture not in (*_NOT_NORMALISED, "deepseek2")
    return blocks.Routing(
        softmax_first=spec.architecture not in _CHOOSES_FIRST,
        normalised=normalised,
        scaled=spec.keys.number("expert_weights_scale") not in (0.0, 1.0),
        weighs_input=spec.architecture in _WEIGHS_INPUT,
        groups=spec.keys.whole("expert_group_count", 1),
        groups_used=spec.keys.whole("expert_group_used_count", 1),
    )


def feed_forward(one_pass: Pass, x: Tensor, block: Block) -> Tensor:
    """Routed experts, plus the shared expert (with or without a gate of its own)."""
    graph = one_pass.graph
    routed = blocks.experts(one_pass, x, block, routing_of(one_pass.spec))
    if "ffn_up_shexp.weight" not in block:
        return routed
    shared = blocks.feed_forward(one_pass, x, block, "_shexp")
    if "ffn_gate_inp_shexp.weight" in block:
        weight = one_pass.weight(block["ffn_gate_inp_shexp.weight"])
        gate = graph.over(graph.product((1, x.shape[1]), weight, x))
        shared = graph.over(shared, gate)
    return graph.over(routed, shared)
