"""One pass over a model under construction: the graph, the sizes that all layers share, and its inputs.

The engine sizes its buffers for the largest pass: a full micro-batch, split evenly over the slots, attending to the
whole cache, with logits for one row a slot (`llama-server`; llama.cpp, llama-context.cpp, sched_reserve).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from toolkit.fit.graph import F16, F32, I32, I64, Graph, Tensor
from toolkit.ollama.gguf.types import STORAGE_BY_NAME, StorageType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.fit.setting import Streams
    from toolkit.fit.spec import Block, Spec
    from toolkit.fit.split import Split
    from toolkit.ollama.gguf.records import TensorInfo

NO_ROTATION: Final = ("jamba", "nemotron_h", "nemotron_h_moe")
"""Hybrids whose attention has no positions at all."""
OFFLOAD_ROWS: Final = 32
"""From so many rows on, work on weights of the host is done on the GPU (ggml-cuda.cu, offload_op)."""


@dataclass(frozen=True, slots=True)
class PassSize:
    """The numbers that a pass depends on."""

    tokens: int
    slots: int
    rows_out: int
    streams: Streams
    sliding_cells: int
    flash: bool
    flash_on_gpu: bool
    values_lie: bool
    value_elements: int
    kv_type: str


class CacheInputs:
    """Inputs that the layers of one cache share; created when first used. `cells` per stream."""

    def __init__(self, one_pass: Pass, cells: int, key_length: int, value_length: int) -> None:
        self.cells = cells
        self._pass = one_pass
        self._key_length = key_length
        self._value_length = value_length

    @cached_property
    def mask(self) -> Tensor:
        """Which cell each token may see; 16 bits for flash attention."""
        size = self._pass.size
        return self._pass.graph.feed(self.cells * size.tokens * (F16 if size.flash else F32))

    @cached_property
    def key_rows(self) -> Tensor:
        """Where each token's key is stored."""
        return self._pass.graph.feed(self._pass.size.tokens * I64)

    @cached_property
    def value_rows(self) -> Tensor:
        """Where each token's value is stored; one number an element if values lie transposed."""
        each = self._pass.size.value_elements if self._pass.size.values_lie else 1
        return self._pass.graph.feed(self._pass.size.tokens * each * I64)

    @cached_property
    def key_turn(self) -> Tensor | None:
        """The rotation of keys and queries before a quantised cache; the largest power of two that divides a head."""
        length = self._key_length
        if not self._pass.storage.quantised or length % 64:
            return None
        order = length & -length
        return self._pass.graph.feed(order * order * F32)

    @cached_property
    def value_turn(self) -> Tensor | None:
        """The rotation of values before a quantised cache."""
        if not self._pass.storage.quantised or self._value_length % 64:
            return None
        return self._pass.graph.feed(64 * 64 * F32)


class Pass:
    """One pass: hand it to a family's `draw`, then plan `graph`."""

    def __init__(self, spec: Spec, size: PassSize, split: Split) -> None:
        self.spec = spec
        self.size = size
        self.split = split
        self.graph = Graph(0, split.host)
        self._rows = size.tokens
        self._brought: dict[tuple[int, int], Tensor] = {}
        self.home = 0  # where the weights of the current layer are
        self.cache_home = 0  # where the cache that it reads is
        self.storage: StorageType = STORAGE_BY_NAME[size.kv_type.upper()]
        self.on_gpu = split.gpus > 0
        self.layer_numbers: tuple[int, ...] = tuple(range(spec.layers))
        self.input: Tensor | None = None  # ready-made embeddings with their further rows

    def layers(self) -> Iterator[int]:
        """The layers to draw, in order; results from here on belong to the layer's device.

        A layer whose weights are on the host is computed on the first GPU all the same if there is one and the batch
        is large: it is worth bringing the weights there.
        """
        for layer in self.layer_numbers:
            self._enter(self.split.layers[layer])
            yield layer

    def enter_head(self) -> None:
        """Results from here on belong to the head's device."""
        self._enter(self.split.head)

    def _enter(self, home: int) -> None:
        self.home = self.cache_home = home
        away = home == self.split.host and (self._rows >= OFFLOAD_ROWS)
        self.graph.device = 0 if away else home

    def cache(self) -> Tensor:
        """The cache of the current layer, to store into or to read from."""
        return self.graph.kept(0, self.cache_home)

    def fetched(self, weight: TensorInfo) -> tuple[Tensor, ...]:
        """The weight as a source, if it has to be brought from another device."""
        if self.home == self.graph.device:
            return ()
        key = (id(weight), self.home)
        if key not in self._brought:
            self._brought[key] = self.graph.kept(weight.nbytes, self.home)
            self._brought[key].is_weight = True
        return (self._brought[key],)

    def fetched_head(self) -> tuple[Tensor, ...]:
        """The output head as a source, if it has to be brought from another device."""
        weight = self.spec.roots.get("output.weight") or self.spec.roots.get("token_embd.weight")
        return self.fetched(weight) if weight is not None else ()

    @property
    def last_layer(self) -> int:
        """The layer after which only the rows that are asked for go on."""
        return self.spec.layers - 1

    @cached_property
    def plain_norms(self) -> bool:
        """True if norms subtract the mean; the file then gives the epsilon of that kind of norm."""
        keys = self.spec.keys
        return keys.raw("attention.layer_norm_rms_epsilon") is None and (
            keys.raw("attention.layer_norm_epsilon") is not None
        )

    @property
    def rotates(self) -> bool:
        """True if positions enter by rotation; some hybrids have none."""
        return self.spec.architecture not in NO_ROTATION and self.spec.keys.raw("rope.scaling.finetuned") is not False

    @property
    def windowed(self) -> bool:
        """True if some layers slide."""
        return self.size.sliding_cells > 0

    def side_by_side(self, block: Block) -> bool:
        """True if attention and feed-forward read the same norm."""
        return not block.keys() & {"ffn_norm.weight", "post_attention_norm.weight", "post_ffw_norm.weight"}

    def block(self, layer: int) -> Block:
        """The tensors of a layer."""
        return self.spec.blocks[layer]

    @cached_property
    def positions(self) -> Tensor:
        """One position a token; four with sectioned rotation (M-RoPE)."""
        each = 4 if self.spec.keys.raw("rope.dimension_sections") is not None else 1
        return self.graph.feed(self.size.tokens * each * I32)

    @cached_property
    def rows_out(self) -> Tensor:
        """Which tokens get logits."""
        return self.graph.feed(self.size.rows_out * I32)

    @cached_property
    def _states(self) -> Tensor:
        return self.graph.feed(self.size.slots * I32)

    @cached_property
    def state_rows(self) -> Tensor:
        """Which remembered states belong to the slots of the pass."""
        return self.graph.part(self._states, (self.size.slots,), I32)

    @cached_property
    def other_state_rows(self) -> Tensor:
        """Which states belong to none of them."""
        return self.graph.part(self._states, (0,), I32)

    @property
    def cell_bytes(self) -> int:
        """Bytes of one element of an unquantised cache."""
        return self.storage.block_bytes

    @cached_property
    def full(self) -> CacheInputs:
        """Inputs of the layers that see the whole context."""
        return CacheInputs(self, self.size.streams.cells, self.spec.key_length, self.spec.value_length)

    @cached_property
    def sliding(self) -> CacheInputs:
        """Inputs of the layers with a window."""
        return CacheInputs(self, self.size.sliding_cells, *self.spec.sliding_lengths)

    def embedded(self) -> Tensor:
        """The token embeddings, looked up on the host; room for ready-made embeddings is kept beside them."""
        graph, spec, tokens = self.graph, self.spec, self.size.tokens
        numbers = graph.feed(tokens * I32)
        table = graph.new((spec.embedding, tokens), numbers)
        table.device = graph.host
        wide = spec.embedding * (1 + self.deep_inputs)
        if not self.deep_inputs:
            graph.run(table, graph.feed(wide * tokens * F32))
            return table
        padded = graph.new((wide, tokens), table)
        graph.run(padded, graph.feed(wide * tokens * F32))
        self.input = padded
        seen = graph.part(padded, (spec.embedding, tokens))
        graph.run(seen)
        return seen

    @cached_property
    def deep_inputs(self) -> int:
        """Further rows of an image's embedding, one added after each of the first layers (Qwen 3 VL)."""
        return self.spec.keys.whole("n_deepstack_layers", 0)

    @cached_property
    def temperatures(self) -> Tensor:
        """One factor a token that queries are scaled with at long distances."""
        return self.graph.feed(self.size.tokens * F32)

    def only_rows_out(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The rows that get logits, of each tensor; what follows has only that many."""
        rows = self.size.rows_out
        picked = tuple(self.graph.new((tensor.shape[0], rows), tensor, self.rows_out) for tensor in tensors)
        self._rows = rows
        self._enter(self.home)
        return picked
