"""Model files: what their headers say, read from a file, from memory, over HTTP ranges, or from `/api/show`."""

from toolkit.ollama.gguf.reader import Limits, read_bytes, read_file, read_header
from toolkit.ollama.gguf.records import ArrayValue, GgufError, Header, Scalar, TensorInfo, Value
from toolkit.ollama.gguf.show import header_from_show, metadata_from_show
from toolkit.ollama.gguf.source import ByteSource, FileSource, MemorySource, RangeSource
from toolkit.ollama.gguf.types import STORAGE_BY_NAME, STORAGE_TYPES, StorageType

__all__ = [
    "STORAGE_BY_NAME",
    "STORAGE_TYPES",
    "ArrayValue",
    "ByteSource",
    "FileSource",
    "GgufError",
    "Header",
    "Limits",
    "MemorySource",
    "RangeSource",
    "Scalar",
    "StorageType",
    "TensorInfo",
    "Value",
    "header_from_show",
    "metadata_from_show",
    "read_bytes",
    "read_file",
    "read_header",
]
