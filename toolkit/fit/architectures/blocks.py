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
    from toolkit.ollama.gguf.records import TensorInfo


def rms_norm(one_pass: Pass, x: Tensor, block: Block, name: str, *, pinned: bool = True) -> Tensor:
    """Root-mean-square norm, then the weights called `name` if there are any.

    `pinned` is False for norms that the engine does not count to their layer (`Pass.pin`).
    """
    normed = one_pass.graph.over(x)
    weight = block.get(f"{name}.weight")
    if weight is None:
        return normed
    if pinned:
        one_pass.pin(normed)
    return one_pass.graph.over(normed, one_pass.weight(weight))


def layer_norm(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """Mean-and-variance norm (never in place), then weights and bias if there are any."""
    out = one_pass.graph.new(x.shape, x)
    one_pass.pin(out)
    for part in (block.get(f"{name}.weight"), block.get(f"{name}.bias")):
        if part is not None:
            out = one_pass.graph.over(out, one_pass.weight(part))
    return out


def norm(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """The norm called `name`: a plain norm if the file has a bias for it or gives only its epsilon, else RMS."""
    if f"{name}.bias" in block or one_pass.plain_norms:
        return layer_norm(one_pass, x, block, name)
    return rms_norm(one_pass, x, block, name)


def head_norm(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """The norm of queries or keys: head by head, or all heads of a token together if the weights say so."""
    length, heads, *_ = x.shape
    width = block[f"{name}.weight"].shape[0]
    if width == length or width != length * heads or x.root is None or x.strided:
        return norm(one_pass, x, block, name)
    return one_pass.graph.view(norm(one_pass, x.root, block, name), x.shape)


def linear(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """A projection by the tensor `name`, with its bias if there is one."""
    weight, bias = block[f"{name}.weight"], block.get(f"{name}.bias")
    out = one_pass.graph.product((weight.shape[1], *x.shape[1:]), one_pass.weight(weight), x)
    return one_pass.graph.over(out, one_pass.weight(bias)) if bias is not None else out


def with_weight(one_pass: Pass, x: Tensor, block: Block, name: str) -> Tensor:
    """An element-wise step with the tensor of this full name."""
    return one_pass.graph.over(x, one_pass.weight(block[name]))


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
        query, key, value = (graph.part(joint, shape, width=joint.shape[0]) for shape in shapes)
        return query, key, value
    names = ("attn_q", "attn_k", "attn_v" if "attn_v.weight" in block else "attn_k")
    query, key, value = (graph.view(linear(one_pass, x, block, n), s) for n, s in zip(names, shapes, strict=True))
    return query, key, value


def rotated(one_pass: Pass, x: Tensor) -> Tensor:
    """Rotary position embedding."""
    factors = one_pass.rotation_factors
    turned = one_pass.graph.over(x, one_pass.positions, *((one_pass.weight(factors),) if factors is not None else ()))
    turned.follows = False
    return turned


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
    sinks: TensorInfo | None = None,
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
    drains = () if sinks is None else (one_pass.weight(sinks),)
    attended = _attended(one_pass, query, heads, inputs, soft_cap=soft_cap, sinks=drains)
    if inputs.value_turn is not None:
        attended = _turned(one_pass, attended, inputs.value_turn)
    return attended


def _attended(
    one_pass: Pass, query: Tensor, heads: Heads, inputs: CacheInputs, *, soft_cap: bool, sinks: tuple[Tensor, ...]
) -> Tensor:
    graph, size = one_pass.graph, one_pass.size
    streams = size.streams.count
    tokens = size.tokens // streams
    asked = graph.part(graph.view(query, query.shape), (heads.key_length, tokens, heads.queries, streams))
    shape = (heads.value_length, heads.queries, tokens, streams)
    flat = (heads.value_length * heads.queries, size.tokens)
    keys, values = (
        one_pass.cached(inputs.cells, heads.keys, length) for length in (heads.key_length, heads.value_length)
    )
    if size.flash:
        copies = flash_copies_bytes(one_pass, inputs.cells * heads.keys, heads.key_length + heads.value_length)
        out = graph.view(fused(one_pass, shape, (asked, keys, values, inputs.mask, *sinks), copies), flat)
    else:
        stored = values if size.values_lie else _turned_values(one_pass, heads, inputs.cells, values)
        scores = graph.product((inputs.cells, tokens, heads.queries, streams), keys, asked)
        if soft_cap:
            scores = graph.over(graph.over(graph.over(scores)))
        weights = graph.over(scores, inputs.mask, *sinks)
        mixed = graph.product((heads.value_length, tokens, heads.queries, streams), stored, weights)
        out = graph.new(flat, graph.part(mixed, shape))
    graph.run(out)
    return out


def fused(one_pass: Pass, shape: Shape, sources: tuple[Tensor, ...], copies_bytes: int) -> Tensor:
    """Flash attention: query, keys, values, mask and perhaps sinks in one step; by the host if no GPU has a kernel."""
    out = one_pass.graph.new(shape, *sources)
    out.follows = False
    out.host_only = not one_pass.size.flash_on_gpu
    out.gpu_extra_bytes = copies_bytes
    one_pass.fused["attention"].append((one_pass.home, out))
    return out


def _turned_values(one_pass: Pass, heads: Heads, cells: int, values: Tensor) -> Tensor:
    """Values laid out for a product of matrices, where the cache does not keep them so."""
    shape = (cells, heads.value_length, heads.keys, one_pass.size.streams.count)
    return one_pass.graph.new(shape, values, item_bytes=one_pass.cell_bytes)


def flash_copies_bytes(one_pass: Pass, rows: int, length: int) -> int:
    """Room that CUDA's flash attention reserves behind its result for 16-bit copies of a quantised cache."""
    return rows * one_pass.size.streams.count * length * F16 if one_pass.storage.quantised else 0


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
    `groups`: experts come in so many groups, of which only the best `groups_used` take part.
    """

    softmax_first: bool = True
    normalised: bool = True
    scaled: bool = False
    weighs_input: bool = False
    groups: int = 1
    groups_used: int = 1


def experts(one_pass: Pass, x: Tensor, block: Block, routing: Routing, logits: Tensor | None = None) -> Tensor:
    """Routed experts: choose, project, gate, project back, weigh, add up one by one.

    Peak: `experts used` copies of up, gate and their product, each as wide as one expert. `logits` are the router's
    where an architecture routes by something else than `x`.
    """
    graph, tokens, used = one_pass.graph, x.shape[1], one_pass.spec.experts_used
    if logits is None:
        logits = linear(one_pass, x, block, "ffn_gate_inp")
    chosen, weights = _choice(one_pass, block, routing, logits)
    graph.run(weights)
    spread = graph.view(x, (x.shape[0], 1, tokens))
    if routing.weighs_input:
        spread = _weighed(one_pass, spread, weights)
    acted = _expert_activation(one_pass, spread, block, chosen)
    down = block["ffn_down_exps.weight"].shape[1]
    out = _routed(one_pass, block, "ffn_down", acted, chosen)
    if "ffn_down_exps.scale" in block:
        out = graph.over(out, _scales(one_pass, block["ffn_down_exps.scale"], chosen))
    if not routing.weighs_input:
        out = graph.over(out, weights)
    graph.run(out)
    slices = [graph.part(out, (down, tokens), width=used * down) for _ in range(used)]
    graph.run(*slices)
    added = slices[0]
    for other in slices[1:]:
        added = graph.over(added, other)
        graph.run(added)
    return graph.new((down, tokens), added) if used == 1 else added


def _choice(one_pass: Pass, block: Block, routing: Routing, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Which experts each token goes to, and their weights."""
    graph, (count, tokens), used = one_pass.graph, logits.shape, one_pass.spec.experts_used
    probabilities = graph.over(logits) if routing.softmax_first else logits
    chosen_by = logits if routing.weighs_input else probabilities
    if "exp_probs_b.bias" in block:
        chosen_by = with_weight(one_pass, probabilities, block, "exp_probs_b.bias")
    if routing.groups > 1:
        chosen_by = _of_best_groups(one_pass, chosen_by, routing)
    order = graph.new((count, tokens), chosen_by, item_bytes=I32)
    chosen = graph.part(order, (used, tokens), I32, width=count)
    weights = graph.new((1, used, tokens), graph.view(probabilities, (1, count, tokens)), chosen)
    if not routing.softmax_first:
        weights = graph.view(graph.over(graph.view(weights, (used, tokens))), (1, used, tokens))
    if routing.normalised:
        flat = graph.view(weights, (used, tokens))
        total = graph.inside(graph.new((1, tokens), flat))
        weights = graph.view(graph.over(flat, total), (1, used, tokens))
    return chosen, graph.over(weights) if routing.scaled else weights


def _of_best_groups(one_pass: Pass, scores: Tensor, routing: Routing) -> Tensor:
    """The scores of the experts of the best groups; those of the others are masked."""
    graph, (count, tokens), groups = one_pass.graph, scores.shape, routing.groups
    each = count // groups
    grouped = graph.view(scores, (each, groups, tokens))
    best_two = graph.part(
        graph.new((each, groups, tokens), grouped, item_bytes=I32), (2, groups, tokens), I32, width=each
    )
    picked = graph.new((1, 2, groups, tokens), graph.view(grouped, (1, each, groups, tokens)), best_two)
    strength = graph.view(graph.new((1, groups, tokens), graph.view(picked, (2, groups, tokens))), (groups, tokens))
    order = graph.new((groups, tokens), strength, item_bytes=I32)
    used = graph.part(order, (routing.groups_used, tokens), I32, width=groups)
    kept = graph.new((each, routing.groups_used, tokens), grouped, used)
    masked = graph.over(grouped)
    filled = graph.view(masked, masked.shape, kept, used)
    filled.sources, filled.computed = (kept, used, masked), True
    return graph.view(filled, (count, tokens))


def _weighed(one_pass: Pass, x: Tensor, weights: Tensor) -> Tensor:
    """The input times its experts' weights, once for each expert."""
    _, used, tokens = weights.shape
    repeated = one_pass.graph.new((x.shape[0], used, tokens), x) if used > 1 else x
    return one_pass.graph.over(repeated, weights)


def _routed(one_pass: Pass, block: Block, name: str, x: Tensor, chosen: Tensor) -> Tensor:
    """The products of the chosen experts, with their biases if there are any."""
    weight, bias = block[f"{name}_exps.weight"], block.get(f"{name}_exps.bias")
    tokens = chosen.shape[1]
    shape = (weight.shape[1], chosen.shape[0], tokens)
    out = one_pass.graph.new(shape, one_pass.weight(weight), x, chosen, rows=tokens)
    return one_pass.graph.over(out, one_pass.weight(bias), chosen) if bias is not None else out


def _scales(one_pass: Pass, factors: TensorInfo, chosen: Tensor) -> Tensor:
    """The factors of the chosen experts: all of them repeated for each token, then picked."""
    used, tokens = chosen.shape
    repeated = one_pass.graph.new((1, factors.shape[0], tokens), one_pass.weight(factors))
    return one_pass.graph.new((1, used, tokens), repeated, chosen, rows=0)


def _expert_activation(one_pass: Pass, spread: Tensor, block: Block, chosen: Tensor) -> Tensor:
    graph, used, tokens = one_pass.graph, one_pass.spec.experts_used, spread.shape[2]
    if "ffn_gate_up_exps.weight" in block:
        joint = _routed(one_pass, block, "ffn_gate_up", spread, chosen)
        shape = (joint.shape[0] // 2, used, tokens)
        return graph.new(shape, *(graph.part(joint, shape, width=joint.shape[0]) for _ in range(2)))
    up = _routed(one_pass, block, "ffn_up", spread, chosen)
    if "ffn_gate_exps.weight" not in block:
        return graph.over(up)
    return graph.new(up.shape, _routed(one_pass, block, "ffn_gate", spread, chosen), up)
