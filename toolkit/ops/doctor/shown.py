"""From `/api/show` to what the checks need: blob, architecture, and the header as far as the server tells it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from toolkit.errors import HotswapError
from toolkit.fit.architectures import sliding
from toolkit.fit.spec import spec_of
from toolkit.fit.told import told_header
from toolkit.ops.doctor.evidence import Shown

if TYPE_CHECKING:
    from toolkit.ollama.types import ModelInfo

_BLOB: Final = re.compile(r"^FROM\s.*sha256[-:]([0-9a-f]{64})\b", re.MULTILINE)


def blob_of(modelfile: str) -> str | None:
    """The sha256 of the GGUF blob: the first FROM line that names one."""
    match = _BLOB.search(modelfile)
    return match[1] if match else None


def is_emptied(info: ModelInfo) -> bool:
    """Whether arrays that matter were left out: heads or windows by layer, which come only in full."""
    return any(value == [] and not key.startswith("tokenizer.") for key, value in info.model_info.items())


def shown_of(name: str, info: ModelInfo, file_bytes: int | None) -> Shown:
    """What is known of a model. A header that makes no sense leaves `spec` out, and says so in `problem`."""
    spec, problem = None, ""
    try:
        spec = spec_of(told_header(name, info, file_bytes))
    except HotswapError as error:
        problem = str(error)
    slides = spec is not None and any(window is not None for window in sliding.windows_of(spec))
    return Shown(name, blob_of(info.modelfile), info.architecture, info.parameters, slides, spec, problem)
