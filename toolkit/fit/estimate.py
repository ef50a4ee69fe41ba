"""What a model will really take under a setting, buffer by buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import embeds, family_of, is_known
from toolkit.fit.cache import Remembered, remembered_by_all
from toolkit.fit.compute import compute_bytes
from toolkit.fit.graph import F32
from toolkit.fit.ps import shown_vram_bytes
from toolkit.fit.weights import projector_bytes, weights_on

if TYPE_CHECKING:
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

UNKNOWN_COMPUTE_FACTOR: Final = 2
"""Compute buffers of an architecture without a rule are doubled: an estimate that errs to the safe side."""
OVERHEAD_BYTES: Final = 450 << 20
"""CUDA context and libraries, a process and GPU: 150 to 600 MiB by card and driver; measured by nobody's log line."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by buffer. `known` is False for an architecture without a rule (then compute is doubled).

    `projector_bytes` are the weights of a vision or audio tower in the same file; they come on top, on the GPU.
    """

    family: str
    known: bool
    weights_gpu_bytes: int
    weights_host_bytes: int
    cache: Remembered
    compute_gpu_bytes: int
    compute_host_bytes: int
    output_bytes: int
    projector_bytes: int
    on_gpu: bool

    @property
    def gpu_total_bytes(self) -> int:
        """What the engine allocates on the GPU, without CUDA's own overhead."""
        context = self.cache.context_bytes if self.on_gpu else 0
        return self.weights_gpu_bytes + context + self.compute_gpu_bytes

    @property
    def total_bytes(self) -> int:
        """Everything, host too."""
        host = self.weights_host_bytes + self.compute_host_bytes + self.output_bytes
        return self.weights_gpu_bytes + self.cache.context_bytes + self.compute_gpu_bytes + host

    @property
    def shown_vram_bytes(self) -> int:
        """`size_vram` in `/api/ps`."""
        if not self.on_gpu:
            return 0
        cache = self.cache
        return shown_vram_bytes(
            self.weights_gpu_bytes, cache.full_bytes, cache.sliding_bytes, cache.state_bytes, self.compute_gpu_bytes
        )


def estimate(spec: Spec, setting: Setting) -> Estimate:
    """All buffers of a model that is wholly on one GPU, or wholly on the host."""
    family, known = family_of(spec), is_known(spec)
    memories = family.remembers(spec)
    weights = weights_on(spec, setting.device)
    on_gpu = setting.device == "cuda"
    movable = sum(weights.layers) + weights.head
    gpu, host = compute_bytes(spec, family, setting, memories, embeds=embeds(spec))
    factor = 1 if known else UNKNOWN_COMPUTE_FACTOR
    return Estimate(
        family=family.title,
        known=known,
        weights_gpu_bytes=movable if on_gpu else 0,
        weights_host_bytes=weights.host_only if on_gpu else weights.host_only + movable - weights.head_shares_host,
        cache=remembered_by_all(memories, setting),
        compute_gpu_bytes=gpu * factor,
        compute_host_bytes=host * factor,
        output_bytes=output_bytes(spec, setting),
        projector_bytes=projector_bytes(spec),
        on_gpu=on_gpu,
    )


def output_bytes(spec: Spec, setting: Setting) -> int:
    """The host's buffer of results: a row of logits a slot; models that embed get a row of their width as well."""
    width = spec.vocabulary + (spec.embedding if embeds(spec) else 0)
    return width * F32 * setting.parallel
