"""Uploaded files: what their GGUF header says, if they are such files."""

from __future__ import annotations

from typing import Any

from toolkit.host.app.gojson import Float32
from toolkit.host.library.gguf_facts import GgufFacts, TensorFacts
from toolkit.ollama.gguf import ArrayValue, GgufError, read_bytes

_MAGIC = b"GGUF"


def facts_of_upload(content: bytes) -> GgufFacts | None:
    """The header of an uploaded file; None if it is not a GGUF file."""
    if not content.startswith(_MAGIC):
        return None
    try:
        header = read_bytes(content)
    except GgufError:
        return None
    metadata = tuple((key, _shown(value)) for key, value in header.metadata.items())
    tensors = tuple(TensorFacts(item.name, item.storage.name.upper(), item.shape) for item in header.tensors)
    return GgufFacts(metadata, tensors)


def rewritten(facts: GgufFacts) -> GgufFacts:
    """The header of the file that the server makes of an uploaded one: tensors outside the layers come first."""

    def place(item: TensorFacts) -> tuple[int, str]:
        parts = item.name.split(".")
        block = int(parts[1]) + 1 if parts[0] == "blk" and len(parts) > 1 and parts[1].isdigit() else 0
        return (block, item.name)

    return GgufFacts(facts.metadata, tuple(sorted(facts.tensors, key=place)))


def _shown(value: Any) -> Any:
    if isinstance(value, ArrayValue):
        return value.items if value.items is not None else ("",) * value.length
    return Float32(value) if isinstance(value, float) else value
