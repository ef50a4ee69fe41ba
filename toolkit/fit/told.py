"""The header of a model as a server tells it: its own tensors, or tensors drafted from what it does tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.catalogue import published
from toolkit.fit.draft import drafted
from toolkit.ollama.gguf import ArrayValue, Header, header_from_show, metadata_from_show

if TYPE_CHECKING:
    from toolkit.ollama.types import ModelInfo

USUAL_FILE_TYPE: Final = "Q4_K_M"
"""The recipe that most models are stored in, where the server names none."""


def told_header(name: str, info: ModelInfo, file_bytes: int | None) -> Header:
    """The header by the answer of `/api/show`. Without tensors in it they are drafted from the keys.

    Whether the head is the embedding table is then told by the size of the file. A server that tells less than Ollama
    does may have a published model; raises UsageError if it has not. Raises GgufError for tensors without sense.
    """
    if info.tensors:
        return header_from_show(name, info.model_info, info.tensors, file_bytes)
    metadata = metadata_from_show(info.model_info)
    tokens = metadata.get("tokenizer.ggml.tokens")
    said = metadata.get(f"{info.architecture}.vocab_size")
    vocabulary = tokens.length if isinstance(tokens, ArrayValue) else said if isinstance(said, int) else 0
    if not vocabulary:
        return published(name)
    kind = info.details.quantization or USUAL_FILE_TYPE
    both = [drafted(name, metadata, vocabulary, kind, tied=tied, file_bytes=file_bytes) for tied in (True, False)]
    return min(both, key=lambda header: abs(header.tensor_bytes - (file_bytes or header.tensor_bytes)))
