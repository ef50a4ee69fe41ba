"""What the arithmetic needs to know of a model: hyperparameters by layer, and the tensors of each layer.

Everything is taken from the header; where a key is missing the engine's default is used (llama.cpp, llama-model.cpp).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.cache import aligned_bytes
from toolkit.ollama.gguf.records import ArrayValue, GgufError, Header, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.ollama.gguf.records import Value


_BARE: Final = ("ffn_norm",)
"""Tensors that one converter (Falcon H1) names without `.weight`."""


class Block(dict[str, TensorInfo]):
    """Tensors by name: those of one layer by the part after `blk.N.`, or those of no layer.

    A missing tensor raises GgufError: the file is not what its architecture says.
    """

    def __missing__(self, name: str) -> TensorInfo:
        raise GgufError(f"the model has no tensor {name!r} where its architecture needs one")


class Keys:
    """Typed access to a header's metadata, with and without the architecture's prefix."""

    def __init__(self, header: Header) -> None:
        self._name = header.name
        self._prefix = header.architecture + "."
        self._metadata: Mapping[str, Value] = header.metadata

    def raw(self, key: str) -> Value | None:
        """The value of `ARCHITECTURE.key`."""
        return self._metadata.get(self._prefix + key)

    def whole(self, key: str, default: int | None = None) -> int:
        """A non-negative integer, or the largest item of an array of them. Raises GgufError if missing or not one."""
        value = self.raw(key)
        if isinstance(value, ArrayValue) and value.items:
            value = max(int(item) for item in value.items if not isinstance(item, str))
        if value is None and default is not None:
            return default
        if not isinstance(value, (int, float)) or value < 0 or value != int(value):
            raise GgufError(f"{self._name}: {self._prefix}{key} is {value!r}, a whole number is needed")
        return int(value)

    def number(self, key: str, default: float = 0.0) -> float:
        """A number."""
        value = self.raw(key)
        return float(value) if isinstance(value, (int, float)) else default

    def per_layer(self, key: str, layers: int, default: int) -> tuple[int, ...]:
        """One integer a layer: an array as it is, a single value repeated. Raises GgufError for a short array."""
        value = self.raw(key)
        if isinstance(value, ArrayValue):
            if value.items is None or len(value.items) < layers:
                raise GgufError(
                    f"{self._name}: {self._prefix}{key} has {len(value.items or ())} items for {layers} layers; "
                    "ask the host with verbose, or give the file"
                )
            return tuple(int(item) for item in value.items[:layers])
        return (self.whole(key, default),) * layers


@dataclass(frozen=True, slots=True)
class Spec:
    """One model. Tuples have one entry a layer; heads are counts, lengths are elements.

    `sliding_lengths` are those of keys and values on layers with a window (the same but for Gemma 4).
    `block_bytes` are a layer's weights in a buffer of a GPU and of the host.
    `kinds` numbers layers by the names and shapes of their tensors. `layers` leaves out extra prediction layers
    (`nextn`), whose tensors are in `blocks` all the same.
    """

    name: str
    architecture: str
    keys: Keys
    layers: int
    embedding: int
    trained_context: int
    heads: tuple[int, ...]
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    sliding_lengths: tuple[int, int]
    feed_forward: tuple[int, ...]
    vocabulary: int
    experts: int
    experts_used: int
    blocks: tuple[Block, ...]
    block_bytes: tuple[tuple[int, int], ...]
    kinds: tuple[int, ...]
    roots: Block
    file_bytes: int | None
    tensor_bytes: int


def spec_of(header: Header, file_bytes: int | None = None) -> Spec:
    """The spec of a model; `file_bytes` overrides the size of the file (for a header without its data).

    Raises GgufError if a needed key is missing or senseless.
    """
    keys = Keys(header)
    blocks, roots = _sorted_tensors(header)
    all_layers = keys.whole("block_count")
    if not 1 <= all_layers <= max(len(blocks), 1):
        raise GgufError(f"{header.name}: {all_layers} layers are announced, tensors are there for {len(blocks)}")
    embedding = keys.whole("embedding_length")
    layers = all_layers - keys.whole("nextn_predict_layers", 0)
    heads = keys.per_layer("attention.head_count", layers, 0)
    most_heads = max(heads, default=0)
    head_length = embedding // most_heads if most_heads else 0
    table = roots.get("token_embd.weight")
    experts = keys.whole("expert_count", 0)
    key_length = keys.whole("attention.key_length", head_length)
    value_length = keys.whole("attention.value_length", head_length)
    return Spec(
        name=header.name,
        architecture=header.architecture,
        keys=keys,
        layers=layers,
        embedding=embedding,
        trained_context=keys.whole("context_length"),
        heads=heads,
        kv_heads=_kv_heads(keys, layers, heads),
        key_length=key_length,
        value_length=value_length,
        sliding_lengths=(
            keys.whole("attention.key_length_swa", key_length),
            keys.whole("attention.value_length_swa", value_length),
        ),
        feed_forward=keys.per_layer("feed_forward_length", layers, 0),
        vocabulary=table.shape[1] if table is not None and len(table.shape) > 1 else keys.whole("vocab_size"),
        experts=experts,
        experts_used=min(keys.whole("expert_used_count", 0), experts),
        blocks=blocks,
        block_bytes=tuple((_buffer_bytes(block, on_gpu=True), _buffer_bytes(block, on_gpu=False)) for block in blocks),
        kinds=_kinds(blocks),
        roots=roots,
        file_bytes=file_bytes if file_bytes is not None else header.file_bytes,
        tensor_bytes=header.tensor_bytes,
    )


def _buffer_bytes(block: Block, *, on_gpu: bool) -> int:
    return sum(aligned_bytes(t.nbytes, t.shape[0], t.storage, on_gpu=on_gpu) for t in block.values())


def _kinds(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    """A number for each layer, equal for layers with equally shaped tensors."""
    known: dict[frozenset[tuple[str, tuple[int, ...]]], int] = {}
    shapes = (frozenset((name, tensor.shape) for name, tensor in block.items()) for block in blocks)
    return tuple(known.setdefault(shape, len(known)) for shape in shapes)


def _kv_heads(keys: Keys, layers: int, heads: tuple[int, ...]) -> tuple[int, ...]:
    """Heads of the cache; as many as query heads where the file does not say."""
    if keys.raw("attention.head_count_kv") is None:
        return heads
    return keys.per_layer("attention.head_count_kv", layers, 0)


def _sorted_tensors(header: Header) -> tuple[tuple[Block, ...], Block]:
    """Tensors by layer, and those of no layer. Raises GgufError for a layer number out of any order."""
    layered: dict[int, Block] = defaultdict(Block)
    roots = Block()
    for tensor in header.tensors:
        if not tensor.name.startswith("blk."):
            roots[tensor.name] = tensor
            continue
        number, _, rest = tensor.name[4:].partition(".")
        if not number.isdigit() or not rest or int(number) >= len(header.tensors):
            raise GgufError(f"{header.name}: tensor {tensor.name!r} is of no layer")
        layered[int(number)][f"{rest}.weight" if rest in _BARE else rest] = tensor
    return tuple(layered[number] for number in range(max(layered, default=-1) + 1)), roots
