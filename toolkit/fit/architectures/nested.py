"""Gemma 3n: sliding windows and parallel streams of activations.

Beside the layers of Gemma 3 there are four streams (AltUp), low-rank shortcuts (Laurel), and an embedding of each token
for each layer.

Remembered: only the first 20 layers store keys and values (with windows as in the sliding class); the rest read them.
The peak of a pass is the set of parallel streams: predictions, corrections and their permuted copies, each
`streams x embedding` a token. The per-layer embedding table is large and stays on the host.

Source: llama.cpp, src/models/gemma3n.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import blocks, dense
from toolkit.fit.architectures.sliding import windows_of
from toolkit.fit.cache import LayerMemory
from toolkit.fit.graph import I32

if TYPE_CHECKING:
    from toolkit.fit.graph import Tensor
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Block, Spec

_STORING_LAYERS: Final = 20
_SPARSE_LAYERS: Final = 10


@dataclass(frozen=True, slots=True)
class Nested:
    """Gemma 3n."""

    title: str = "sliding window, nested"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """Keys and values of the first layers."""
        return tuple(
            LayerMemory(n * spec.key_length, n * spec.value_length, window)
            if layer < _STORING_LAYERS
            else LayerMemory()
            for layer, (n, window) in enumerate(zip(spec.kv_heads, windows_of(spec), strict=True))
        )

    def draw(self, one_pass: Pass) -> None:
        """Embeddings of both kinds, layers over the parallel streams, one stream again."""
        graph, spec, tokens = one_pass.graph, one_pass.spec, one_pass.size.tokens
        streams = spec.keys.whole("altup.num_inputs")
        x = graph.over(one_pass.embedded())
        per_layer = layer_embeddings(one_pass, x)
        magnitude = _magnitude(one_pass, x)
        repeated = graph.new((spec.embedding, tokens, streams - 1), x)
        one_pass.enter_head()  # the projection to the other streams is loaded with the head
        added = graph.product(repeated.shape, one_pass.weight(spec.roots["altup_proj.weight"]), repeated)
        stacked = graph.new((spec.embedding, tokens, streams), x, _rescaled(one_pass, added, magnitude))
        windows = windows_of(spec)
        for layer in one_pass.layers():
            stacked = _layer(one_pass, stacked, per_layer, layer, slides=windows[layer] is not None)
        _merged(one_pass, stacked)


def one_of(one_pass: Pass, x: Tensor) -> Tensor:
    """One of the streams, or what the layers have for one of them."""
    return one_pass.graph.part(x, x.shape[:2])


def _magnitude(one_pass: Pass, x: Tensor) -> Tensor:
    graph = one_pass.graph
    return graph.over(graph.new((1, *x.shape[1:]), graph.over(x)))


def _rescaled(one_pass: Pass, x: Tensor, target: Tensor) -> Tensor:
    now = _magnitude(one_pass, x)
    return one_pass.graph.over(one_pass.graph.over(x, target), now)


def layer_embeddings(one_pass: Pass, x: Tensor) -> Tensor:
    """The table's rows for all layers, joined with a projection of the ordinary embedding."""
    graph, spec, tokens = one_pass.graph, one_pass.spec, one_pass.size.tokens
    width = spec.keys.whole("embedding_length_per_layer_input")
    one_pass.enter_first()
    rows = one_pass.looked_up(spec.roots["per_layer_token_embd.weight"], graph.feed(tokens * I32))
    shape = (width, spec.layers, tokens)
    scaled = graph.over(graph.view(rows, shape))
    graph.run(scaled)
    weight = one_pass.weight(spec.roots["per_layer_model_proj.weight"])
    projected = graph.view(graph.over(graph.product((width * spec.layers, tokens), weight, x)), shape)
    joined = graph.over(graph.over(blocks.rms_norm(one_pass, projected, spec.roots, "per_layer_proj_norm"), scaled))
    return graph.new((width, tokens, spec.layers), graph.part(joined, ()))


def _modalities(one_pass: Pass, x: Tensor, block: Block) -> Tensor:
    graph = one_pass.graph
    scaled = graph.over(blocks.rms_norm(one_pass, x, block, "altup_router_norm"))
    return graph.over(blocks.linear(one_pass, scaled, block, "altup_router"))


def _layer(one_pass: Pass, x: Tensor, per_layer: Tensor, layer: int, *, slides: bool) -> Tensor:
    graph, block, tokens = one_pass.graph, one_pass.block(layer), one_pass.size.tokens
    width, _, streams = x.shape
    coefficients = blocks.linear(
        one_pass, _modalities(one_pass, one_of(one_pass, x), block), block, "altup_predict_coef"
    )
    turned = graph.new((streams, width, tokens), graph.part(x, ()))
    mixed = graph.product((streams, width, tokens), turned, graph.view(coefficients, (streams, streams, tokens)))
    predictions = graph.over(graph.new(x.shape, graph.part(mixed, ())), x)
    active = one_of(one_pass, predictions)
    normed = blocks.rms_norm(one_pass, active, block, "attn_norm")
    shortcut = blocks.linear(one_pass, blocks.linear(one_pass, normed, block, "laurel_l"), block, "laurel_r")
    shortcut = graph.over(blocks.rms_norm(one_pass, shortcut, block, "laurel_post_norm"), normed)
    attended = _attention(one_pass, normed, layer, slides=slides)
    attended = graph.over(blocks.rms_norm(one_pass, attended, block, "post_attention_norm"), active)
    joined = graph.over(graph.over(attended, shortcut))
    fed = _fed(one_pass, joined, layer)
    fed = graph.over(blocks.rms_norm(one_pass, fed, block, "post_ffw_norm", pinned=False), joined)
    corrected = _corrected(one_pass, predictions, fed, block)
    first = blocks.with_weight(one_pass, one_of(one_pass, corrected), block, "altup_correct_scale.weight")
    first = graph.over(blocks.linear(one_pass, first, block, "inp_gate"))
    first = graph.over(first, one_of(one_pass, per_layer))
    first = blocks.rms_norm(one_pass, blocks.linear(one_pass, first, block, "proj"), block, "post_norm")
    rest = graph.over(graph.part(corrected, (width, tokens, streams - 1)), first)
    return graph.new(x.shape, one_of(one_pass, corrected), rest)


def _attention(one_pass: Pass, x: Tensor, layer: int, *, slides: bool) -> Tensor:
    graph, block, heads = one_pass.graph, one_pass.block(layer), dense.heads_of(one_pass.spec, layer)
    inputs = one_pass.sliding if slides else one_pass.full
    if layer >= _STORING_LAYERS:
        one_pass.cache_home = one_pass.split.layers[_STORING_LAYERS - (2 if slides else 1)]
        query = blocks.linear(one_pass, x, block, "attn_q")
        query = graph.view(query, (heads.key_length, heads.queries, x.shape[1]))
        query = blocks.rotated(one_pass, blocks.rms_norm(one_pass, query, block, "attn_q_norm"))
        mixed = blocks.attend(one_pass, query, None, None, heads, inputs=inputs)
        return blocks.linear(one_pass, mixed, block, "attn_output")
    query, key, value = blocks.queries_keys_values(one_pass, x, block, heads)
    query = blocks.rotated(one_pass, blocks.rms_norm(one_pass, query, block, "attn_q_norm"))
    key = blocks.rotated(one_pass, blocks.rms_norm(one_pass, key, block, "attn_k_norm"))
    value = blocks.rms_norm(one_pass, value, block, "")
    mixed = blocks.attend(one_pass, query, key, value, heads, inputs=inputs)
    return blocks.linear(one_pass, mixed, block, "attn_output")


def _fed(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """Feed-forward; the gate of the first layers is cut to its largest values."""
    graph, block = one_pass.graph, one_pass.block(layer)
    normed = blocks.rms_norm(one_pass, x, block, "ffn_norm")
    up = blocks.linear(one_pass, normed, block, "ffn_up")
    gate = blocks.linear(one_pass, normed, block, "ffn_gate")
    if layer < _SPARSE_LAYERS:
        mean = graph.new((1, x.shape[1]), gate)
        spread = graph.over(graph.new((1, x.shape[1]), graph.over(graph.over(gate, mean))))
        cut = graph.over(mean, graph.over(graph.over(spread)))
        gate = graph.over(graph.over(gate, cut))
    return blocks.linear(one_pass, graph.over(up, graph.over(gate)), block, "ffn_down")


def _corrected(one_pass: Pass, predictions: Tensor, fed: Tensor, block: Block) -> Tensor:
    graph = one_pass.graph
    _width, tokens, streams = predictions.shape
    modalities = _modalities(one_pass, fed, block)
    innovation = graph.over(fed, one_of(one_pass, predictions))
    repeated = graph.new(predictions.shape, innovation)
    coefficients = graph.over(blocks.linear(one_pass, modalities, block, "altup_correct_coef"))
    coefficients = graph.new((1, tokens, streams), graph.part(coefficients, ()))
    return graph.over(graph.over(repeated, coefficients), predictions)


def _merged(one_pass: Pass, x: Tensor) -> None:
    graph, spec = one_pass.graph, one_pass.spec
    width, tokens, streams = x.shape
    one_pass.enter_head()
    target = _magnitude(one_pass, one_of(one_pass, x))
    rest = graph.part(x, (width, tokens, streams - 1))
    weight = one_pass.weight(spec.roots["altup_unembd_proj.weight"])
    rest = _rescaled(one_pass, graph.product((width, tokens, streams - 1), weight, rest), target)
    merged = one_of(one_pass, x)
    for _ in range(streams - 1):
        merged = graph.over(merged, one_of(one_pass, rest))
    (rows,) = one_pass.only_rows_out(graph.over(merged))
    normed = blocks.rms_norm(one_pass, rows, spec.roots, "output_norm")
    normed.is_output = True
    logits = graph.product((spec.vocabulary, normed.shape[1]), one_pass.head_weight(), normed)
    logits = graph.over(graph.over(graph.over(logits)))
    logits.is_output = True
    graph.run(logits)
