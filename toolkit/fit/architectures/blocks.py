"""The building blocks that classes of architecture share: norms, projections, attention, feed-forward, experts.

Each function adds results to a pass and returns the last. Widths come from the shapes of the tensors in the file, so a
block fits any model that has those tensors. Which step may overwrite its source is ggml's rule (`Graph.over`):
additions, products, scalings, activations, RMS norms, rotations and softmax may; plain norms, gated activations and
products of matrices may not; and nothing overwrites a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.fit.graph import F16, I32

if TYPE_CHECKING:
    from toolkit.fit.graph import Shape, Tensor
    from toolkit.fit.passes import CacheInputs, Pass
    from toolkit.fit.spec import Block


def rms_norm(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """Root-mean-square norm, then the weights called `name` if there are any.

    The norm itself has no weights and so still runs where its input was made; only its product goes to a next device.
    """
    normed = one_pass.graph.over(x)
    if x.device != one_pass.graph.host:
        normed.device = x.device
    weight = block.get(f"{name}.weight")
    return one_pass.graph.over(normed, *one_pass.fetched(weight)) if weight is not None else normed


def layer_norm(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """Mean-and-variance norm (never in place), then weights and bias if there are any."""
    out = one_pass.graph.new(x.shape, x)
    if x.device != one_pass.graph.host:
        out.device = x.device
    for part in (block.get(f"{name}.weight"), block.get(f"{name}.bias")):
        if part is not None:
            out = one_pass.graph.over(out, *one_pass.fetched(part))
    return out


def norm(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """The norm called `name`: a plain norm if the file has a bias for it or gives only its epsilon, else RMS."""
    if f"{name}.bias" in block or one_pass.plain_norms:
        return layer_norm(one_pass, x, block, name)
    return rms_norm(one_pass, x, block, name)


def linear(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """A projection by the tensor `name`, with its bias if there is one."""
    weight, bias = block[f"{name}.weight"], block.get(f"{name}.bias")
    out = one_pass.graph.new((weight.shape[1], *x.shape[1:]), *one_pass.fetched(weight), x)
    return one_pass.graph.over(out, *one_pass.fetched(bias)) if bias is not None else out


def with_weight(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """An element-wise step with the tensor of this full name."""
    return one_pass.graph.over(x, *one_pass.fetched(block[name]))


@dataclass(frozen=True, slots=True)
class Heads:
    """Head counts and lengths of one attention layer."""

    queries: int
    keys: int
    key_length: int
    value_length: int


def queries_keys_values(one_pass: Pass, x: Tensor, block: Block, heads: Heads) -> tuple[Tensor, Tensor, Tensor]:
    """Projections, joint or separate, seen as heads."""
    graph, tokens = one_pass.graph, one_pass.size.tokens
    shapes = (
        (heads.key_length, heads.queries, tokens),
        (heads.key_length, heads.keys, tokens),
        (heads.value_length, heads.keys, tokens),
    )
    if "attn_qkv.weight" in block:
        joint = linear(one_pass, x, block, "attn_qkv")
        query, key, value = (graph.part(joint, shape) for shape in shapes)
        return query, key, value
    names = ("attn_q", "attn_k", "attn_v" if "attn_v.weight" in block else "attn_k")
    query, key, value = (graph.view(linear(one_pass, x, block, n), s) for n, s in zip(names, shapes, strict=True))
    return query, key, value


def rotated(one_pass: Pass, x: Tensor) -> Tensor:
    """Rotary position embedding."""
    factors = one_pass.spec.roots.get("rope_freqs.weight")
    return one_pass.graph.over(x, one_pass.positions, *(one_pass.fetched(factors) if factors is not None else ()))


def _turned(one_pass: Pass, x: Tensor, turn: Tensor | None) -> Tensor:
    """A rotation of whole heads before they go to a quantised cache (a product with a small matrix)."""
    if turn is None:
        return x
    graph = one_pass.graph
    flat = graph.new(x.shape, x) if x.strided else graph.view(x, (x.shape[0] * x.shape[1], *x.shape[2:]))
    return graph.view(graph.new(flat.shape, turn, flat), x.shape)


def attend(
    one_pass: Pass,
    query: Tensor,
    key: Tensor | None,
    value: Tensor | None,
    heads: Heads,
    *,
    inputs: CacheInputs,
    soft_cap: bool = False,
) -> Tensor:
    """Store keys and values, attend to the cache; the result is heads x value length wide.

    Without `key` and `value` the layer reads the cache of an earlier one. Flash attention on CUDA needs room for 16-bit
    copies of a quantised cache; without it the scores of all heads (f32) are alive at once.
    """
    graph = one_pass.graph
    query = _turned(one_pass, query, inputs.key_turn)
    key = key and _turned(one_pass, key, inputs.key_turn)
    value = value and _turned(one_pass, value, inputs.value_turn)
    graph.run(query, *(t for t in ((key, value) if one_pass.windowed else (value, key)) if t is not None))
    cache = one_pass.cache()
    for stored, rows in ((key, inputs.key_rows), (value, inputs.value_rows)):
        if stored is not None:
            graph.run(graph.store(cache, graph.view(stored, stored.shape), rows))
    attended = _attended(one_pass, query, heads, inputs, soft_cap=soft_cap)
    if inputs.value_turn is not None:
        attended = _turned(one_pass, attended, inputs.value_turn)
    return attended


def _attended(one_pass: Pass, query: Tensor, heads: Heads, inputs: CacheInputs, *, soft_cap: bool) -> Tensor:
    graph, size = one_pass.graph, one_pass.size
    streams = size.streams.count
    tokens = size.tokens // streams
    asked = graph.part(graph.view(query, query.shape), (heads.key_length, tokens, heads.queries, streams))
    shape = (heads.value_length, heads.queries, tokens, streams)
    flat = (heads.value_length * heads.queries, size.tokens)
    if size.flash and size.flash_on_gpu:
        extra = flash_copies_bytes(one_pass, heads, inputs.cells)
        away = _fetched_cache(one_pass, heads, inputs.cells)
        out = graph.view(graph.new(shape, asked, *away, inputs.mask, extra_bytes=extra), flat)
    elif size.flash:
        out = graph.view(_on_host(one_pass, shape, asked, heads, inputs), flat)
    else:
        away = _fetched_cache(one_pass, heads, inputs.cells)
        stored = away[1:] if size.values_lie else (_turned_values(one_pass, heads, inputs.cells),)
        scores = graph.new((inputs.cells, tokens, heads.queries, streams), *away[:1], asked)
        if soft_cap:
            scores = graph.over(graph.over(graph.over(scores)))
        weights = graph.over(scores, inputs.mask)
        mixed = graph.new((heads.value_length, tokens, heads.queries, streams), *stored, weights)
        out = graph.new(flat, graph.part(mixed, shape))
    graph.run(out)
    return out


def _fetched_cache(one_pass: Pass, heads: Heads, cells: int) -> tuple[Tensor, ...]:
    """Keys and values, if they lie on another device than the one that attends and so have to be copied."""
    if one_pass.cache_home == one_pass.graph.device:
        return ()
    rows = cells * one_pass.size.streams.count * heads.keys
    lengths = (heads.key_length, heads.value_length)
    return tuple(
        one_pass.graph.kept(one_pass.storage.row_bytes(rows * length), one_pass.cache_home) for length in lengths
    )


def _on_host(one_pass: Pass, shape: Shape, asked: Tensor, heads: Heads, inputs: CacheInputs) -> Tensor:
    """Flash attention without a kernel on the GPU: query and cache are brought to the host, the result goes back."""
    graph = one_pass.graph
    cells = inputs.cells * one_pass.size.streams.count
    caches = (
        graph.kept(one_pass.storage.row_bytes(cells * heads.keys * length), graph.device)
        for length in (heads.key_length, heads.value_length)
    )
    out = graph.new(shape, asked, *caches, inputs.mask)
    out.device = graph.host
    return out


def _turned_values(one_pass: Pass, heads: Heads, cells: int) -> Tensor:
    """Values laid out for a product of matrices, where the cache does not keep them so."""
    shape = (cells, heads.value_length, heads.keys, one_pass.size.streams.count)
    return one_pass.graph.new(shape, one_pass.cache(), item_bytes=one_pass.cell_bytes)


def flash_copies_bytes(one_pass: Pass, heads: Heads, cells: int) -> int:
    """Room that CUDA's flash attention reserves behind its result for 16-bit copies of a quantised cache."""
    if not one_pass.storage.quantised or not one_pass.on_gpu:
        return 0
    each = cells * one_pass.size.streams.count * heads.keys * F16
    return each * heads.key_length + each * heads.value_length


def feed_forward(one_pass: Pass, x: Tensor, block: Block, suffix: str = "") -> Tensor:
    """Dense feed-forward: gated if there is a gate (or a double-width up projection), else one activation."""
    graph = one_pass.graph
    up = linear(one_pass, x, block, f"ffn_up{suffix}")
    if f"ffn_gate{suffix}.weight" in block:
        acted = graph.new(up.shape, linear(one_pass, x, block, f"ffn_gate{suffix}"), up)
    elif up.shape[0] == 2 * block[f"ffn_down{suffix}.weight"].shape[0]:
        acted = graph.new((up.shape[0] // 2, *up.shape[1:]), up)
    else:
        acted = graph.over(up)
    return linear(one_pass, acted, block, f"ffn_down{suffix}")


@dataclass(frozen=True, slots=True)
class Routing:
    """How experts are chosen: by softmax before (else after) the choice, weights normalised, weights scaled.

    `weighs_input`: the weights are applied to what goes into the experts, not to what comes out of them.
    """

    softmax_first: bool = True
    normalised: bool = True
    scaled: bool = False
    weighs_input: bool = False


def experts(one_pass: Pass, x: Tensor, block: Block, routing: Routing, logits: Tensor | None = None) -> Tensor:
    """Routed experts: choose, project, gate, project back, weigh, add up one by one.

    Peak: `experts used` copies of up, gate and their product, each as wide as one expert. `logits` are the router's
    where an architecture routes by something else than `x`.
    """
    graph, tokens, used = one_pass.graph, x.shape[1], one_pass.spec.experts_used
    if logits is None:
        logits = linear(one_pass, x, block, "ffn_gate_inp")
    count = logits.shape[0]
    probabilities = graph.over(logits) if routing.softmax_first else logits
    chosen_by = graph.over(probabilities) if "exp_probs_b.bias" in block else probabilities
    chosen = graph.part(graph.new((count, tokens), chosen_by, item_bytes=I32), (used, tokens), I32)
    weights = graph.new((1, used, tokens), graph.view(probabilities, (1, count, tokens)), chosen)
    if not routing.softmax_first:
        weights = graph.view(graph.over(graph.view(weights, (used, tokens))), (1, used, tokens))
    if routing.normalised:
        flat = graph.view(weights, (used, tokens))
        total = graph.new((1, tokens), graph.new((1, tokens), flat))
        weights = graph.view(graph.over(flat, total), (1, used, tokens))
    if routing.scaled:
        weights = graph.over(weights)
    graph.run(weights)
    spread = graph.view(x, (x.shape[0], 1, tokens))
    if routing.weighs_input:
        spread = _weighed(one_pass, spread, weights)
    acted = _expert_activation(one_pass, spread, block, chosen)
    weight = block["ffn_down_exps.weight"]
    down = weight.shape[1]
    out = graph.new((down, used, tokens), *one_pass.fetched(weight), acted, chosen)
    if "ffn_down_exps.scale" in block:
        out = graph.over(out, _scales(one_pass, count, chosen))
    if "ffn_down_exps.bias" in block:
        out = graph.over(out, chosen)
    if not routing.weighs_input:
        out = graph.over(out, weights)
    graph.run(out)
    slices = [graph.part(out, (down, tokens)) for _ in range(used)]
    graph.run(*slices)
    added = slices[0]
    for other in slices[1:]:
        added = graph.over(added, other)
        graph.run(added)
    return graph.new((down, tokens), added) if used == 1 else added


def _weighed(one_pass: Pass, x: Tensor, weights: Tensor) -> Tensor:
    """The input times its experts' weights, once for each expert."""
    _, used, tokens = weights.shape
    repeated = one_pass.graph.new((x.shape[0], used, tokens), x) if used > 1 else x
    return one_pass.graph.over(repeated, weights)


def _scales(one_pass: Pass, count: int, chosen: Tensor) -> Tensor:
    """The factors of the chosen experts: all of them repeated for each token, then picked."""
    used, tokens = chosen.shape
    repeated = one_pass.graph.new((1, count, tokens))
    return one_pass.graph.new((1, used, tokens), repeated, chosen)


def _expert_activation(one_pass: Pass, spread: Tensor, block: Block, chosen: Tensor) -> Tensor:
    graph, used, tokens = one_pass.graph, one_pass.spec.experts_used, spread.shape[2]
    if "ffn_gate_up_exps.weight" in block:
        weight = block["ffn_gate_up_exps.weight"]
        width = weight.shape[1]
        joint = graph.new((width, used, tokens), *one_pass.fetched(weight), spread, chosen)
        shape = (width // 2, used, tokens)
        return graph.new(shape, graph.part(joint, shape), graph.part(joint, shape))
    weight = block["ffn_up_exps.weight"]
    width = weight.shape[1]
    up = graph.new((width, used, tokens), *one_pass.fetched(weight), spread, chosen)
    if "ffn_up_exps.bias" in block:
        up = graph.over(up, chosen)
    if "ffn_gate_exps.weight" not in block:
        return graph.over(up)
    gate = graph.new((width, used, tokens), *one_pass.fetched(block["ffn_gate_exps.weight"]), spread, chosen)
    if "ffn_gate_exps.bias" in block:
        gate = graph.over(gate, chosen)
    return graph.new((width, used, tokens), gate, up)
