"""What a model is started with, and the context that the engine makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from toolkit.errors import UsageError

Device = Literal["cuda", "cpu"]
FlashAttention = Literal["auto", "on", "off"]

CELL_PADDING: Final = 256
"""The engine rounds the cells of a cache up to this (llama.cpp, llama-context.cpp)."""

DEVICES: Final = ("cuda", "cpu")
FLASH_ATTENTION: Final = ("auto", "on", "off")
KV_TYPES: Final = ("f16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")


@dataclass(frozen=True, slots=True)
class Setting:
    """The options of one start. `num_ctx` is the context of one slot; `batch` is both batch and micro-batch.

    `n_gpu_layers` counts the output head as one layer, as the engine does; None means all.
    Raises UsageError if a value is impossible.
    """

    num_ctx: int
    parallel: int = 1
    batch: int = 512
    kv_type: str = "f16"
    flash_attn: FlashAttention = "auto"
    device: Device = "cuda"
    kv_unified: bool = False
    n_gpu_layers: int | None = None
    n_gpu: int = 1

    def __post_init__(self) -> None:
        for name in ("num_ctx", "parallel", "batch", "n_gpu"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.kv_type not in KV_TYPES:
            raise UsageError(f"kv type {self.kv_type!r} is unknown; take one of {', '.join(KV_TYPES)}")
        if self.flash_attn not in FLASH_ATTENTION or self.device not in DEVICES:
            raise UsageError(f"flash_attn {self.flash_attn!r} or device {self.device!r} is unknown")

    @property
    def context(self) -> int:
        """Tokens of all slots as asked for, before padding."""
        return self.num_ctx * self.parallel


@dataclass(frozen=True, slots=True)
class Streams:
    """How the engine cuts the context into caches: `count` streams of `cells` each."""

    count: int
    cells: int

    @property
    def context(self) -> int:
        """Cells of all streams."""
        return self.count * self.cells


def streams_of(setting: Setting) -> Streams:
    """One stream if unified, else one a slot; each padded to 256 cells."""
    padded = pad(setting.context, CELL_PADDING)
    if setting.kv_unified:
        return Streams(1, padded)
    return Streams(setting.parallel, pad(padded // setting.parallel, CELL_PADDING))


def ubatch_of(setting: Setting) -> int:
    """Tokens of one pass: never more than the context that was asked for."""
    return min(setting.batch, setting.context)


def with_context(setting: Setting, num_ctx: int) -> Setting:
    """The same with another context."""
    return replace(setting, num_ctx=num_ctx)


def pad(value: int, step: int) -> int:
    """Up to the next multiple of `step`."""
    return -(-value // step) * step
