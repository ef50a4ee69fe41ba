"""Which layer goes to which device: partial offload, and several GPUs.

The engine puts the last layers on the GPUs and counts the output head as one layer. Over several GPUs layers are dealt
out in order, by the free memory of each (llama.cpp, src/llama-model.cpp, load_tensors; split mode `layer`). With all
layers on several GPUs batches are pipelined, and what crosses a device is kept four times (ggml-backend.cpp).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

PIPELINE_COPIES: Final = 4


@dataclass(frozen=True, slots=True)
class Split:
    """The device of each layer and of the head; GPUs are 0 to `gpus` - 1, the host is `gpus`."""

    gpus: int
    layers: tuple[int, ...]
    head: int

    @property
    def host(self) -> int:
        """The host's number."""
        return self.gpus

    @property
    def whole(self) -> bool:
        """True if no layer is left on the host while others are on GPUs, or could be."""
        return self.gpus == 0 or self.host not in (*self.layers, self.head)

    @property
    def copies(self) -> int:
        """How often the engine keeps what crosses devices."""
        pipelined = self.gpus > 1 and self.whole
        return PIPELINE_COPIES if pipelined else 1

    @property
    def offloaded(self) -> int:
        """Layers on GPUs, the head counted as one."""
        return sum(device != self.host for device in (*self.layers, self.head))


def split_of(spec: Spec, setting: Setting, shares: Sequence[int] = ()) -> Split:
    """The split of a setting; `shares` weigh the GPUs (their free bytes; equal if not given)."""
    return split_layers(len(spec.blocks), setting, shares)


def split_layers(layers: int, setting: Setting, shares: Sequence[int] = ()) -> Split:
    """The split of so many layers, the head not counted."""
    if setting.device == "cpu":
        return Split(0, (0,) * layers, 0)
    wanted = layers + 1 if setting.n_gpu_layers is None else setting.n_gpu_layers
    offloaded = min(max(wanted, 0), layers + 1)
    weights = tuple(shares) or (1,) * setting.n_gpu
    first = layers + 1 - offloaded
    # In whole numbers: a layer is `(layer - first) / offloaded` of the way, a GPU ends at its share of `total`.
    total = sum(weights)
    bounds = [end * offloaded for end in accumulate(weights)]

    def device(layer: int) -> int:
        if layer < first:
            return len(weights)
        return min(bisect_right(bounds, (layer - first) * total), len(weights) - 1)

    return Split(len(weights), tuple(device(layer) for layer in range(layers)), device(layers))
