"""A header out of what `/api/show` says: the same keys, the tensors with their types and shapes, and no data.

Without `verbose` the server empties arrays longer than five, so hybrids (heads by layer) need it. Tensor types come as
names, shapes fastest dimension first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.ollama.gguf.records import ArrayValue, GgufError, Header, TensorInfo, Value
from toolkit.ollama.gguf.types import STORAGE_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def header_from_show(
    name: str, model_info: Mapping[str, Any], tensors: Iterable[Mapping[str, Any]], file_bytes: int | None
) -> Header:
    """The header of a model that a server described. Raises GgufError if a tensor makes no sense."""
    metadata = metadata_from_show(model_info)
    return Header(name, 3, "little", metadata, tuple(_tensor(name, row) for row in tensors), None, file_bytes)


def metadata_from_show(model_info: Mapping[str, Any]) -> dict[str, Value]:
    """The metadata; emptied arrays and nulls are left out, as their values are not known."""
    metadata: dict[str, Value] = {}
    for key, value in model_info.items():
        if isinstance(value, bool | int | str):
            metadata[key] = value
        elif isinstance(value, float):
            metadata[key] = int(value) if value.is_integer() and abs(value) < 1 << 53 else value
        elif isinstance(value, list) and value and all(isinstance(item, bool | int | float | str) for item in value):
            metadata[key] = ArrayValue("json", len(value), tuple(value))
    return metadata


def _tensor(name: str, row: Mapping[str, Any]) -> TensorInfo:
    title, kind, shape = row.get("name"), row.get("type"), row.get("shape")
    storage = STORAGE_BY_NAME.get(str(kind).upper())
    sizes = tuple(shape) if isinstance(shape, list | tuple) else ()
    if not isinstance(title, str) or storage is None or not sizes or not all(_is_size(size) for size in sizes):
        raise GgufError(f"{name}: the server lists a tensor that makes no sense: {dict(row)!r}"[:300])
    if sizes[0] % storage.block_elements:
        raise GgufError(f"{name}: a row of tensor {title!r} is no multiple of {storage.block_elements} elements")
    return TensorInfo(title, sizes, storage)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 40
