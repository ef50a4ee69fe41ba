"""Decoders in which most layers see a window only: Gemma 2 and 3, gpt-oss, Command R7B, Llama 4's chunks, EXAONE 4.

Remembered: a full layer keeps the whole context; a sliding layer only
`pad256(min(cells, window x (slots if unified, else 1) + micro-batch))` cells - the batch size changes the cache.
Which layers slide is an array in the file or a period of the architecture (the last of every period is full).
One pass is that of a dense decoder with a second mask, as wide as the sliding cache.

Source: llama.cpp, src/llama-kv-cache-iswa.cpp, src/llama-hparams.cpp (set_swa_pattern) and src/models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import dense
from toolkit.fit.cache import LayerMemory
from toolkit.ollama.gguf.records import ArrayValue

if TYPE_CHECKING:
    from toolkit.fit.passes import Pass
    from toolkit.fit.spec import Spec

PERIODS: Final = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "exaone4": 4, "olmo2": 4, "llama4": 4,
    "afmoe": 4,
}  # fmt: skip
"""Layers in a period where the file does not say; the last one of each is full."""

DEFAULT_WINDOWS: Final = {"gemma2": 4096, "llama4": 8192}
DENSE_BUT_FOR: Final = {"exaone4": 64}
"""Architectures that slide only at one size, told by the number of layers."""


def windows_of(spec: Spec) -> tuple[int | None, ...]:
    """The window of each layer; None where the layer sees everything."""
    window = spec.keys.whole("attention.sliding_window", DEFAULT_WINDOWS.get(spec.architecture, 0))
    pattern = spec.keys.raw("attention.sliding_window_pattern")
    if spec.architecture in DENSE_BUT_FOR and spec.layers != DENSE_BUT_FOR[spec.architecture]:
        return (None,) * spec.layers
    if not window or (spec.architecture not in PERIODS and not isinstance(pattern, ArrayValue)):
        return (None,) * spec.layers
    if isinstance(pattern, ArrayValue) and pattern.items is not None and len(pattern.items) >= spec.layers:
        return tuple(window if slides else None for slides in pattern.items[: spec.layers])
    period = pattern if isinstance(pattern, int) and pattern > 0 else PERIODS.get(spec.architecture, 1)
    return tuple(window if layer % period < period - 1 else None for layer in range(spec.layers))


@dataclass(frozen=True, slots=True)
class Sliding:
    """Decoders with windows on some layers."""

    title: str = "sliding window"

    def remembers(self, spec: Spec) -> tuple[LayerMemory, ...]:
        """Keys and values; a window where the layer has one."""
        return tuple(
            LayerMemory(n * spec.key_length, n * spec.value_length, window)
            for n, window in zip(spec.kv_heads, windows_of(spec), strict=True)
        )

    def draw(self, one_pass: Pass) -> None:
        """The dense pass, each layer with its own mask."""
        x = dense.embedded(one_pass)
        windows = windows_of(one_pass.spec)
        for layer in one_pass.layers():
            inputs = one_pass.full if windows[layer] is None else one_pass.sliding
            x = dense.decoder_layer(one_pass, x, layer, inputs)
        dense.head(one_pass, x)
