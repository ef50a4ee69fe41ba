"""State space models: Mamba and Mamba 2.

Remembered: per slot and layer, in f32 whatever the cache type and the context,
`(conv kernel - 1) x (inner + 2 x groups x state)` for the convolution and `state x inner` for the scan.
The peak of a pass is the scan: its input, its gate and its result, which carries the new states of all slots behind it.

Source: llama.cpp, src/llama-hparams.cpp (n_embd_r, n_embd_s) and src/models/mamba-base.cpp.
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


@dataclass(frozen=True, slots=True)
class StateSizes:
    """The sizes of a state space layer, as the file gives them."""

    kernel: int
    inner: int
    state: int
    rank: int
    groups: int

    @property
    def channels(self) -> int:
        """Width of the convolution."""
        return self.inner + 2 * self.groups * self.state


def sizes_of(spec: Spec) -> StateSizes:
    """Sizes from the file. Raises GgufError if one is missing."""
    keys = spec.keys
    return StateSizes(
        kernel=keys.whole("ssm.conv_kernel"),
        inner=keys.whole("ssm.inner_size"),
        state=keys.whole("ssm.state_size"),
        rank=keys.whole("ssm.time_step_rank"),
        groups=keys.whole("ssm.group_count", 0),
    )


def state_memory(spec: Spec) -> LayerMemory:
    """What a state space layer remembers."""
    sizes = sizes_of(spec)
    return LayerMemory(state_elements=((sizes.kernel - 1) * sizes.channels, sizes.state * sizes.inner))


@dataclass(frozen=True, slots=True)
class Recurrent:
    """Models of state space layers only."""

    title: str = "recurrent"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """The same state on every layer."""
        return (state_memory(spec),) * spec.layers

    def draw(self, one_pass: Pass) -> None:
        """Norm, state space layer, residual; no feed-forward."""
        x = one_pass.embedded()
        mix = mamba if "ssm_x.weight" in one_pass.block(0) else mamba2
        for layer in one_pass.layers():
            normed = blocks.norm(one_pass, x, one_pass.block(layer), "attn_norm")
            mixed = mix(one_pass, normed, layer)
            if layer == one_pass.last_layer:
                mixed, x = one_pass.only_rows_out(mixed, x)
            x = one_pass.graph.over(mixed, x)
        dense.head(one_pass, x)


def remembered_state(one_pass: Pass, elements: int, *, gathered: bool = True) -> Tensor:
    """The states of the slots of this pass, read from the cache (`gathered` into a result of their own)."""
    graph, slots = one_pass.graph, one_pass.size.slots
    cache = one_pass.cache()
    states = graph.view(cache, (elements, slots))
    graph.run(graph.store(cache, states))
    if not gathered:
        return states
    rows = graph.new((elements, slots), states, one_pass.state_rows)
    graph.run(rows)
    forget_extra(one_pass, elements)
    return rows


def forget_extra(one_pass: Pass, elements: int) -> None:
    """The step that moves states of slots outside the pass; there are none when buffers are sized."""
    graph = one_pass.graph
    cache = one_pass.cache()
    graph.run(graph.store(cache, graph.new((elements, 0), cache, one_pass.other_state_rows)))


def convolved(one_pass: Pass, x: Tensor, sizes: StateSizes, state: Tensor, block: Block) -> Tensor:
    """Convolution over time with the remembered columns in front; the last ones are stored."""
    graph, slots = one_pass.graph, one_pass.size.slots
    steps = one_pass.size.tokens // slots
    columns = graph.view(state, (sizes.kernel - 1, sizes.channels, slots))
    padded = graph.new((sizes.kernel - 1 + steps, sizes.channels, slots), columns, graph.part(x, ()))
    graph.run(graph.store(one_pass.cache(), last_columns(one_pass, padded, sizes.kernel - 1)))
    out = graph.new((sizes.channels, steps, slots), padded, one_pass.weight(block["ssm_conv1d.weight"]))
    if "ssm_conv1d.bias" in block:
        out = blocks.with_weight(one_pass, out, block, "ssm_conv1d.bias")
    return graph.over(out)


def last_columns(one_pass: Pass, padded: Tensor, columns: int) -> Tensor:
    """The columns of a convolution's input that the next pass needs."""
    width, channels, slots = padded.shape
    return one_pass.graph.part(padded, (columns, channels, slots), width=width)


def mamba(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """A Mamba layer, from the normed input to the projection."""
    graph, block, slots = one_pass.graph, one_pass.block(layer), one_pass.size.slots
    sizes, steps = sizes_of(one_pass.spec), one_pass.size.tokens // slots
    state = remembered_state(one_pass, (sizes.kernel - 1) * sizes.channels)
    wide = blocks.linear(one_pass, graph.view(x, (x.shape[0], steps, slots)), block, "ssm_in")
    inner = (sizes.inner, steps, slots)
    mixed = convolved(one_pass, graph.part(wide, inner, width=wide.shape[0]), sizes, state, block)
    joint = blocks.linear(one_pass, mixed, block, "ssm_x")
    step, gate_in, gate_out = (
        graph.part(joint, (length, steps, slots), width=joint.shape[0]) for length in (sizes.rank, *(sizes.state,) * 2)
    )
    if one_pass.spec.keys.raw("ssm.dt_b_c_rms") or "ssm_dt_norm.weight" in block:
        step, gate_in, gate_out = (
            blocks.rms_norm(one_pass, part, block, f"ssm_{name}_norm")
            for part, name in ((step, "dt"), (gate_in, "b"), (gate_out, "c"))
        )
    step = blocks.linear(one_pass, step, block, "ssm_dt")
    seen = graph.view(mixed, (1, sizes.inner, steps, slots))
    result = _scanned(one_pass, sizes, block, seen, (step, gate_in, gate_out))
    result = graph.over(graph.view(result, inner), blocks.with_weight(one_pass, mixed, block, "ssm_d"))
    gated = graph.new(inner, graph.new(inner, graph.part(wide, inner, width=wide.shape[0])), result)
    out = blocks.linear(one_pass, gated, block, "ssm_out")
    return graph.view(out, (out.shape[0], one_pass.size.tokens))


def mamba2(one_pass: Pass, x: Tensor, layer: int) -> Tensor:
    """A Mamba 2 layer, from the normed input to the projection."""
    graph, block, slots = one_pass.graph, one_pass.block(layer), one_pass.size.slots
    sizes, steps = sizes_of(one_pass.spec), one_pass.size.tokens // slots
    heads, length = sizes.rank, sizes.inner // sizes.rank
    state = remembered_state(one_pass, (sizes.kernel - 1) * sizes.channels)
    wide = blocks.linear(one_pass, graph.view(x, (x.shape[0], steps, slots)), block, "ssm_in")
    by_head = (length, heads, steps, slots)
    channels = graph.part(wide, (sizes.channels, steps, slots), width=wide.shape[0])
    mixed = convolved(one_pass, channels, sizes, state, block)
    grouped = (sizes.state, sizes.groups, steps, slots)
    seen, gate_in, gate_out = (graph.part(mixed, shape, width=sizes.channels) for shape in (by_head, grouped, grouped))
    step = graph.new((heads, steps, slots), graph.part(wide, (heads, steps, slots), width=wide.shape[0]))
    step = blocks.with_weight(one_pass, step, block, "ssm_dt.bias")
    result = _scanned(one_pass, sizes, block, seen, (step, gate_in, gate_out))
    result = graph.over(graph.view(result, by_head), blocks.with_weight(one_pass, seen, block, "ssm_d"))
    result = graph.new(by_head, graph.new(by_head, graph.part(wide, by_head, width=wide.shape[0])), result)
    if "ssm_norm.weight" in block:
        result = graph.view(result, (sizes.inner // max(sizes.groups, 1), max(sizes.groups, 1), steps, slots))
        result = blocks.rms_norm(one_pass, result, block, "ssm_norm")
    out = blocks.linear(one_pass, graph.view(result, (sizes.inner, steps, slots)), block, "ssm_out")
    return graph.view(out, (out.shape[0], one_pass.size.tokens))


def _scanned(
    one_pass: Pass, sizes: StateSizes, block: Block, seen: Tensor, parts: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """The scan; its result holds the outputs and, behind them, the new states, which are stored.

    It counts as one row, so it stays with its weights.
    """
    graph, slots = one_pass.graph, one_pass.size.slots
    elements = sizes.state * sizes.inner
    states = remembered_state(one_pass, elements, gathered=False)
    total = sizes.inner * one_pass.size.tokens + elements * slots
    step, gate_in, gate_out = parts
    decay = one_pass.weight(block["ssm_a"])
    result = graph.new((total,), states, seen, step, decay, gate_in, gate_out, one_pass.state_rows, rows=1)
    result.host_only = not _scans_on_gpu(sizes, grouped="ssm_x.weight" not in block)
    graph.run(result)
    forget_extra(one_pass, elements)
    graph.run(graph.store(one_pass.cache(), graph.part(result, (elements * slots,))))
    return result


def _scans_on_gpu(sizes: StateSizes, *, grouped: bool) -> bool:
    """True if CUDA has a kernel for the scan (ggml-cuda.cu, supports_op)."""
    if grouped:
        return sizes.state in (128, 256) and (sizes.inner // sizes.rank) % 16 == 0
    return sizes.state == 16 and sizes.inner % 128 == 0  # noqa: PLR2004 - the kernel's own numbers
