"""One pass over a model under construction: the graph, the sizes that all layers share, and its inputs.

The engine sizes its buffers for the largest pass: a full micro-batch, split evenly over the slots, attending to the
whole cache, with logits for one row a slot (`llama-server`; llama.cpp, llama-context.cpp, sched_reserve).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from toolkit.fit.cache import padding_bytes
from toolkit.fit.graph import F16, F32, I32, I64, Graph, Tensor
from toolkit.ollama.gguf.types import STORAGE_BY_NAME, StorageType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.fit.setting import Streams
    from toolkit.fit.spec import Block, Spec
    from toolkit.fit.split import Split
    from toolkit.ollama.gguf.records import TensorInfo

ROWS_BEFORE_LAST_NORM: Final = ("gpt-oss", "step35")
ROWS_AFTER_LAST_NORM: Final = (
    "qwen3next", "qwen35", "qwen35moe", "gemma4", "nemotron_h", "nemotron_h_moe", "hy_v3", "cohere2moe",
)  # fmt: skip
"""Architectures that cut down to the rows that get logits after all layers, not within the last one."""
NO_ROTATION: Final = ("jamba", "nemotron_h", "nemotron_h_moe")
"""Hybrids whose attention has no positions at all."""


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
    delta_fused: bool = True


class CacheInputs:
    """Inputs that the layers of one cache share; created when first used. `cells` per stream."""

    def __init__(self, graph: Graph, size: PassSize, cells: int, lengths: tuple[int, int]) -> None:
        key_length, value_length = lengths
        self.cells = cells
        self._graph = graph
        self._size = size
        self._quantised = STORAGE_BY_NAME[size.kv_type.upper()].quantised
        self._key_length = key_length
        self._value_length = value_length

    @cached_property
    def mask(self) -> Tensor:
        """Which cell each token may see; 16 bits for flash attention."""
        size = self._size
        return self._graph.feed(self.cells * size.tokens * (F16 if size.flash else F32))

    @cached_property
    def key_rows(self) -> Tensor:
        """Where each token's key is stored."""
        return self._graph.feed(self._size.tokens * I64)

    @cached_property
    def value_rows(self) -> Tensor:
        """Where each token's value is stored; one number an element if values lie transposed."""
        each = self._size.value_elements if self._size.values_lie else 1
        return self._graph.feed(self._size.tokens * each * I64)

    @cached_property
    def key_turn(self) -> Tensor | None:
        """The rotation of keys and queries before a quantised cache; the largest power of two that divides a head."""
        length = self._key_length
        if not self._quantised or length % 64:
            return None
        order = length & -length
        return self._graph.feed(order * order * F32)

    @cached_property
    def value_turn(self) -> Tensor | None:
        """The rotation of values before a quantised cache."""
        if not self._quantised or self._value_length % 64:
            return None
        return self._graph.feed(64 * 64 * F32)


class Pass:
    """One pass: hand it to a family's `draw`, then plan `graph`."""

    def __init__(self, spec: Spec, size: PassSize, split: Split, *, pins_norms: bool = False) -> None:
        self.spec = spec
        self.size = size
        self.split = split
        self.graph = Graph(split.host)
        self._weights: dict[tuple[int, int], Tensor] = {}
        self.home = split.host  # where the weights of the current layer are
        self.cache_home = split.host  # where the cache that it reads is
        self.storage: StorageType = STORAGE_BY_NAME[size.kv_type.upper()]
        self.layer_numbers: tuple[int, ...] = tuple(range(spec.layers))
        self.input: Tensor | None = None  # ready-made embeddings with their further rows
        self.fused: dict[str, list[tuple[int, Tensor]]] = {"attention": [], "delta": []}
        """Steps that stand for many, by kind, each with its layer's device."""
        self._pins_norms = pins_norms
        self._in_layer = False

    def layers(self) -> Iterator[int]:
        """The layers to draw, in order; weights from here on are on the layer's device."""
        for layer in self.layer_numbers:
            self.home = self.cache_home = self.split.layers[layer]
            self._in_layer = True
            yield layer

    def enter_first(self) -> None:
        """Weights from here on are on the first layer's device."""
        self.home = self.split.layers[0]

    def enter_head(self) -> None:
        """Weights from here on are on the head's device."""
        self.home = self.cache_home = self.split.head
        self._in_layer = False

    def pin(self, normed: Tensor) -> None:
        """A norm of a layer runs on its device by decree, if the pass is one of those that say so."""
        if self._pins_norms and self._in_layer:
            normed.device = self.home

    def cache(self) -> Tensor:
        """The cache of the current layer, to store into or to read from."""
        return self.graph.kept(0, self.cache_home)

    def cached(self, cells: int, heads: int, length: int, used: int | None = None) -> Tensor:
        """What so many cells a stream of the current layer's cache hold, as a source: heads of this length.

        `used` tells how many elements of a head are looked at, the first ones, if not all.
        """
        used = length if used is None else used
        nbytes = self.storage.row_bytes(cells * self.size.streams.count * heads * length - length + used)
        return self.graph.kept(nbytes, self.cache_home, gpu_extra_bytes=padding_bytes(used, self.storage))

    @cached_property
    def rotation_factors(self) -> TensorInfo | None:
        """Factors for each frequency of a rotation, where the model has them: one set, or one for long contexts."""
        roots = self.spec.roots
        original = self.spec.keys.whole("rope.scaling.original_context_length", self.spec.trained_context)
        length = "long" if self.size.streams.cells > original else "short"
        return roots.get("rope_freqs.weight") or roots.get(f"rope_factors_{length}.weight")

    def weight(self, weight: TensorInfo, home: int | None = None) -> Tensor:
        """A weight as a source; on the device of the current layer if nothing else is said."""
        home = self.home if home is None else home
        key = (id(weight), home)
        if key not in self._weights:
            extra = padding_bytes(weight.shape[0], weight.storage)
            self._weights[key] = self.graph.weight(weight.nbytes, home, gpu_extra_bytes=extra)
        return self._weights[key]

    def head_weight(self) -> Tensor:
        """The output head as a source."""
        return self.weight(self.spec.roots.get("output.weight") or self.spec.roots["token_embd.weight"])

    @property
    def last_layer(self) -> int:
        """The layer within which everything but the rows that are asked for is dropped; -1 if that is done later."""
        late = self.spec.architecture in (*ROWS_BEFORE_LAST_NORM, *ROWS_AFTER_LAST_NORM)
        return -1 if late else self.spec.layers - 1

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
        lengths = (self.spec.key_length, self.spec.value_length)
        return CacheInputs(self.graph, self.size, self.size.streams.cells, lengths)

    @cached_property
    def sliding(self) -> CacheInputs:
        """Inputs of the layers with a window."""
        return CacheInputs(self.graph, self.size, self.size.sliding_cells, self.spec.sliding_lengths)

    def embedded(self) -> Tensor:
        """The token embeddings, looked up on the host; room for ready-made embeddings is kept beside them."""
        graph, spec, tokens = self.graph, self.spec, self.size.tokens
        numbers = graph.feed(tokens * I32)
        table = self.looked_up(spec.roots["token_embd.weight"], numbers)
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

    def looked_up(self, table: TensorInfo, numbers: Tensor) -> Tensor:
        """Rows of a table that stays on the host, one for each token."""
        rows = (table.shape[0], self.size.tokens)
        return self.graph.new(rows, self.weight(table, self.split.host), numbers, rows=0)

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
        return tuple(self.graph.new((tensor.shape[0], rows), tensor, self.rows_out) for tensor in tensors)
