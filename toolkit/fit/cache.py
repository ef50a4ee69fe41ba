"""Bytes of what layers remember: caches of keys and values, and recurrent states.

A cache of `n` elements a cell over `c` cells and `s` streams is one buffer of `row(n) x c x s` bytes for keys and one
for values. On CUDA a quantised buffer whose rows are no multiple of 512 elements gets one row's padding at its end.
Each is aligned (128 bytes on CUDA, 32 on the host). States are f32, one for each slot.
Source: llama.cpp, src/llama-kv-cache.cpp, src/llama-memory-recurrent.cpp, ggml-cuda.cu (get_alloc_size).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolkit.fit.graph import F32
from toolkit.fit.setting import CELL_PADDING, Setting, Streams, pad, streams_of, ubatch_of
from toolkit.ollama.gguf.types import STORAGE_BY_NAME, StorageType

if TYPE_CHECKING:
    from collections.abc import Sequence

GPU_ALIGNMENT: Final = 128
HOST_ALIGNMENT: Final = 32
_CUDA_ROW_ELEMENTS: Final = 512


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What one layer keeps between passes.

    `key_elements` and `value_elements` are per cell (0 for a layer without that cache); `window` limits the cells of a
    sliding layer; `state_elements` are f32 numbers a slot, one entry a buffer, whatever the context.
    """

    key_elements: int = 0
    value_elements: int = 0
    window: int | None = None
    state_elements: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """Bytes that one layer, or several, keep between passes."""

    full_bytes: int = 0
    sliding_bytes: int = 0
    state_bytes: int = 0

    @property
    def cache_bytes(self) -> int:
        """Keys and values."""
        return self.full_bytes + self.sliding_bytes

    @property
    def context_bytes(self) -> int:
        """Everything."""
        return self.cache_bytes + self.state_bytes

    def __mul__(self, count: int) -> Remembered:
        return Remembered(self.full_bytes * count, self.sliding_bytes * count, self.state_bytes * count)

    def __add__(self, other: Remembered) -> Remembered:
        return Remembered(
            self.full_bytes + other.full_bytes,
            self.sliding_bytes + other.sliding_bytes,
            self.state_bytes + other.state_bytes,
        )


def sliding_cells(window: int, streams: Streams, setting: Setting) -> int:
    """Cells of a sliding layer a stream: the window of every slot that shares it, plus a micro-batch."""
    slots = setting.parallel if setting.kv_unified else 1
    return pad(min(streams.cells, window * slots + ubatch_of(setting)), CELL_PADDING)


def remembered(memory: LayerMemory, setting: Setting, *, on_gpu: bool) -> Remembered:
    """Bytes of one layer."""
    streams, storage = streams_of(setting), STORAGE_BY_NAME[setting.kv_type.upper()]
    alignment = GPU_ALIGNMENT if on_gpu else HOST_ALIGNMENT
    states = sum(pad(count * setting.parallel * F32, alignment) for count in memory.state_elements)
    cells = streams.cells if memory.window is None else sliding_cells(memory.window, streams, setting)
    rows = cells * streams.count
    cache = sum(
        aligned_bytes(storage.row_bytes(elements) * rows, elements, storage, on_gpu=on_gpu)
        for elements in (memory.key_elements, memory.value_elements)
        if elements
    )
    if memory.window is None:
        return Remembered(full_bytes=cache, state_bytes=states)
    return Remembered(sliding_bytes=cache, state_bytes=states)


def remembered_by_all(memories: Sequence[LayerMemory], setting: Setting, *, on_gpu: bool) -> Remembered:
    """Sum over layers of one device."""
    total = Remembered()
    for memory, count in Counter(memories).items():
        total += remembered(memory, setting, on_gpu=on_gpu) * count
    return total


def values_alike(memories: Sequence[LayerMemory]) -> tuple[LayerMemory, ...]:
    """The same layers with equally wide values: where values lie transposed, all take the room of the widest."""
    widest = max((memory.value_elements for memory in memories), default=0)
    return tuple(replace(memory, value_elements=widest) if memory.value_elements else memory for memory in memories)


def aligned_bytes(nbytes: int, row_elements: int, storage: StorageType, *, on_gpu: bool) -> int:
    """What a tensor takes in a buffer: CUDA pads the end of a quantised one to whole 512 elements of its last row."""
    if not on_gpu:
        return pad(nbytes, HOST_ALIGNMENT)
    return pad(nbytes + padding_bytes(row_elements, storage), GPU_ALIGNMENT)


def padding_bytes(row_elements: int, storage: StorageType) -> int:
    """What CUDA adds behind a quantised tensor: its last row up to whole 512 elements."""
    rest = row_elements % _CUDA_ROW_ELEMENTS
    return storage.row_bytes(_CUDA_ROW_ELEMENTS - rest) if storage.quantised and rest else 0
