"""From `/api/show` to what the checks need: blob, architecture, and the header as far as the server tells it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from toolkit.errors import HotswapError
from toolkit.fit.architectures import sliding
from toolkit.fit.catalogue import published
from toolkit.fit.draft import drafted
from toolkit.fit.spec import spec_of
from toolkit.ollama.gguf import ArrayValue, Header, header_from_show, metadata_from_show
from toolkit.ops.doctor.evidence import Shown

if TYPE_CHECKING:
    from toolkit.ollama.types import ModelInfo

_BLOB: Final = re.compile(r"^FROM\s.*sha256[-:]([0-9a-f]{64})\b", re.MULTILINE)
_DEFAULT_FILE_TYPE: Final = "Q4_K_M"


def blob_of(modelfile: str) -> str | None:
    """The sha256 of the GGUF blob: the first FROM line that names one."""
    match = _BLOB.search(modelfile)
    return match[1] if match else None


def shown_of(name: str, info: ModelInfo, file_bytes: int | None) -> Shown:
    """What is known of a model. A header that makes no sense leaves `spec` out, and says so in `problem`."""
    spec, problem = None, ""
    try:
        spec = spec_of(_header(name, info, file_bytes))
    except HotswapError as error:
        problem = str(error)
    slides = spec is not None and any(window is not None for window in sliding.windows_of(spec))
    return Shown(name, blob_of(info.modelfile), info.architecture, info.parameters, slides, spec, problem)


def _header(name: str, info: ModelInfo, file_bytes: int | None) -> Header:
    """Keys and tensors as told; tensors drafted from the keys, or a published model's, where the server tells less."""
    if info.tensors:
        return header_from_show(name, info.model_info, info.tensors, file_bytes)
    metadata = metadata_from_show(info.model_info)
    tokens = metadata.get("tokenizer.ggml.tokens")
    said = metadata.get(f"{info.architecture}.vocab_size")
    vocabulary = tokens.length if isinstance(tokens, ArrayValue) else said if isinstance(said, int) else 0
    if not vocabulary:
        return published(name)
    kind = info.details.quantization or _DEFAULT_FILE_TYPE
    both = [drafted(name, metadata, vocabulary, kind, tied=tied, file_bytes=file_bytes) for tied in (True, False)]
    return min(both, key=lambda header: abs(header.tensor_bytes - (file_bytes or header.tensor_bytes)))
