"""What the scheduler is told about a host and its models; plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class GpuSpec:
    """One GPU as the driver lists it; the order of the list breaks ties."""

    id: str
    library: str
    """`CUDA`, `ROCm`, `Vulkan`, `Metal`, ...; GPUs of one library form a group that a model can be spread over."""
    total_bytes: int
    integrated: bool = False
    """Shares the system's memory: no recovery wait, and the smaller of GPU and system free memory counts."""
    compute_major: int = 8
    """CUDA compute capability; below 6 there is no flash attention."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as far as scheduling knows it: its blob, a few numbers of the GGUF header, its Modelfile options."""

    name: str
    digest: str
    """sha256 of the GGUF blob. Two names with one digest share a runner; ties between victims go to the smaller."""
    file_bytes: int
    architecture: str
    block_count: int
    embedding_length: int
    head_count: int
    """The largest over the layers; 0 where there is no attention at all (then no cache is predicted)."""
    head_count_kv: int
    """The smallest over the layers; 0 counts as 1."""
    context_length: int
    """Trained context; 0 if the header does not say."""
    embedding: bool = False
    """An embedding model (the header has a pooling type)."""
    vision: bool = False
    """Takes images: the context is at least 2048."""
    context_shift: bool = True
    """Whether a full context is shifted unless the request says otherwise (not for deepseek2)."""
    options: tuple[tuple[str, Any], ...] = ()
    """Modelfile parameters, as the API would give them."""
