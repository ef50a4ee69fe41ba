"""Reads the header of a GGUF file (versions 2 and 3, both byte orders) without touching the weights.

Format: magic `GGUF`, version u32, tensor count u64, key count u64, then the keys (string, type u32, value), then one
record a tensor (string, dimension count u32, dimensions u64, type u32, offset u64), then padding, then the data.
Source: ggml-org/ggml docs/gguf.md. Nothing here trusts a number from the file: counts are checked against what is left
of it before anything is read, long arrays are stepped over, and nesting is bounded.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from toolkit.ollama.gguf.records import ArrayValue, GgufError, Header, Scalar, TensorInfo, Value
from toolkit.ollama.gguf.source import ByteSource, Cursor, FileSource, MemorySource
from toolkit.ollama.gguf.types import STORAGE_TYPES

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_NUMBER_CODES: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_NUMBER_NAMES: Final = {
    0: "u8", 1: "i8", 2: "u16", 3: "i16", 4: "u32", 5: "i32", 6: "f32", 7: "bool", 10: "u64", 11: "i64", 12: "f64",
}  # fmt: skip
_NUMBER_BYTES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING: Final = 8
_ARRAY: Final = 9
_DEFAULT_ALIGNMENT: Final = 32
_MOST_DIMENSIONS: Final = 4
_LARGEST: Final = 1 << 63
_KEY_BYTES: Final = 13  # an empty key: its length, its type, one byte of value
_TENSOR_BYTES: Final = 32  # a nameless tensor: length, dimension count, one dimension, type, offset
_SPLIT_NAME: Final = re.compile(r"^(?P<stem>.*)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf$")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a header may contain. Arrays longer than `kept_items` are stepped over, not built."""

    keys: int = 1 << 16
    tensors: int = 1 << 18
    name_bytes: int = 1 << 12
    string_bytes: int = 1 << 24
    kept_items: int = 1 << 12
    kept_strings: int = 64
    array_items: int = 1 << 28
    depth: int = 2


def read_header(source: ByteSource, name: str, limits: Limits | None = None) -> Header:
    """Parse one header. `name` stands in error messages. Raises GgufError."""
    limits = limits or Limits()
    cursor = Cursor(source, name)
    if cursor.take(4) != _MAGIC:
        raise GgufError(f"{name}: not a GGUF file (it does not begin with the letters GGUF)")
    version = cursor.count("I")
    if version not in _VERSIONS:
        cursor.order, version = ">", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in _VERSIONS:
        raise GgufError(f"{name}: the GGUF version is neither 2 nor 3; convert the model again with a current tool")
    tensor_count = _bounded(cursor, "tensors", limits.tensors, _TENSOR_BYTES)
    key_count = _bounded(cursor, "keys", limits.keys, _KEY_BYTES)
    metadata: dict[str, Value] = {}
    for _ in range(key_count):
        key = _string(cursor, limits.name_bytes)
        if key in metadata:
            raise cursor.fail(f"the key {key!r} comes twice")
        metadata[key] = _value(cursor, cursor.count("I"), limits, limits.depth)
    tensors = tuple(_tensor(cursor, limits) for _ in range(tensor_count))
    alignment = _alignment(metadata, name)
    _check_layout(tensors, alignment, name)
    data_offset = -(-cursor.at // alignment) * alignment
    return Header(
        name, version, "little" if cursor.order == "<" else "big", metadata, tensors, data_offset, source.size
    )


def read_bytes(data: bytes, name: str = "<memory>", limits: Limits | None = None) -> Header:
    """Parse a header that is in memory."""
    return read_header(MemorySource(data), name, limits)


def read_file(path: str | Path, limits: Limits | None = None) -> Header:
    """Parse a file; for a split model (`NAME-00001-of-00003.gguf`) all parts beside it. Raises GgufError."""
    path = Path(path)
    first = _read_one(path, limits)
    parts = first.metadata.get("split.count", 0)
    match = _SPLIT_NAME.match(path.name)
    if not isinstance(parts, int) or parts <= 1:
        return first
    if match is None or int(match["parts"]) != parts:
        raise GgufError(f"{path}: one of {parts} parts, but its name is not like NAME-00001-of-{parts:05}.gguf")
    files = [path.with_name(f"{match['stem']}-{number:05}-of-{parts:05}.gguf") for number in range(1, parts + 1)]
    headers = [first if file == path else _read_one(file, limits) for file in files]
    return _joined(path, headers)


def _read_one(path: Path, limits: Limits | None) -> Header:
    try:
        with path.open("rb") as file:
            return read_header(FileSource(file, path.stat().st_size), str(path), limits)
    except OSError as error:
        raise GgufError(f"{path}: cannot be read ({error.strerror or error})") from error


def _joined(path: Path, headers: list[Header]) -> Header:
    """One header for all parts: the metadata of the first, the tensors of all."""
    tensors = tuple(replace(tensor, part=part) for part, header in enumerate(headers) for tensor in header.tensors)
    names = [tensor.name for tensor in tensors]
    if len(set(names)) != len(names):
        raise GgufError(f"{path}: a tensor lies in two of the parts; are they of one model?")
    announced = headers[0].metadata.get("split.tensors.count", len(names))
    if announced != len(names):
        raise GgufError(
            f"{path}: {announced} tensors are announced, the parts hold {len(names)}; are all of one model?"
        )
    sizes = [header.file_bytes for header in headers]
    return replace(
        headers[0],
        tensors=tensors,
        file_bytes=None if None in sizes else sum(size for size in sizes if size is not None),
    )


def _bounded(cursor: Cursor, what: str, most: int, least_bytes: int) -> int:
    """A count that must fit both the limit and what is left of the file."""
    count = cursor.count()
    left = cursor.left()
    if count > most or (left is not None and count * least_bytes > left):
        raise cursor.fail(f"{count} {what} cannot be (the limit is {most}, and the file must have room for them)")
    return count


def _string(cursor: Cursor, most_bytes: int) -> str:
    length = cursor.count()
    if length > most_bytes:
        raise cursor.fail(f"a string of {length} bytes is longer than {most_bytes}")
    try:
        return cursor.take(length).decode()
    except UnicodeDecodeError as error:
        raise cursor.fail("a string is not UTF-8") from error


def _value(cursor: Cursor, kind: int, limits: Limits, depth: int) -> Value:
    if kind == _STRING:
        return _string(cursor, limits.string_bytes)
    if kind == _ARRAY:
        return _array(cursor, limits, depth)
    if kind in _NUMBER_CODES:
        return cursor.number(_NUMBER_CODES[kind])
    raise cursor.fail(f"metadata type {kind} is unknown")


def _array(cursor: Cursor, limits: Limits, depth: int) -> ArrayValue:
    kind = cursor.count("I")
    length = _bounded(cursor, "array items", limits.array_items, _NUMBER_BYTES.get(kind, 8))
    if kind == _STRING:
        if length > limits.kept_strings:
            cursor.skip_strings(length, limits.string_bytes)
            return ArrayValue("string", length, None)
        return ArrayValue("string", length, tuple(_string(cursor, limits.string_bytes) for _ in range(length)))
    if kind == _ARRAY:
        if depth <= 1 or length > limits.kept_items:
            raise cursor.fail("arrays are nested too deeply")
        for _ in range(length):
            _array(cursor, limits, depth - 1)
        return ArrayValue("array", length, None)
    if kind not in _NUMBER_CODES:
        raise cursor.fail(f"array element type {kind} is unknown")
    if length > limits.kept_items:
        cursor.skip(length * _NUMBER_BYTES[kind])
        return ArrayValue(_NUMBER_NAMES[kind], length, None)
    items: tuple[Scalar, ...] = tuple(cursor.number(_NUMBER_CODES[kind]) for _ in range(length))
    return ArrayValue(_NUMBER_NAMES[kind], length, items)


def _tensor(cursor: Cursor, limits: Limits) -> TensorInfo:
    name = _string(cursor, limits.name_bytes)
    dimensions = cursor.count("I")
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise cursor.fail(f"tensor {name!r} has {dimensions} dimensions")
    shape = tuple(cursor.count() for _ in range(dimensions))
    number = cursor.count("I")
    storage = STORAGE_TYPES.get(number)
    if storage is None:
        raise cursor.fail(f"tensor {name!r} is of the unknown type {number}; the file is newer than this reader")
    if shape[0] % storage.block_elements:
        raise cursor.fail(f"a row of tensor {name!r} has {shape[0]} elements, no multiple of {storage.block_elements}")
    if math.prod(max(size, 1) for size in shape) * storage.block_bytes >= _LARGEST:
        raise cursor.fail(f"tensor {name!r} of shape {shape} is larger than any memory")
    return TensorInfo(name, shape, storage, cursor.count())


def _alignment(metadata: dict[str, Value], name: str) -> int:
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if isinstance(alignment, bool) or not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
        raise GgufError(f"{name}: general.alignment is {alignment!r}, not a power of two")
    return alignment


def _check_layout(tensors: tuple[TensorInfo, ...], alignment: int, name: str) -> None:
    """No tensor may come twice, lie on another, or start off the grid."""
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise GgufError(f"{name}: a tensor comes twice")
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
        if tensor.offset % alignment or tensor.offset < end:
            raise GgufError(f"{name}: tensor {tensor.name!r} at {tensor.offset} lies on another one or off the grid")
        end = tensor.offset + tensor.nbytes
