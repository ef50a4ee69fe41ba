"""Common GPUs by name: what they hold and how fast they read it.

Memory is the size on the box in GiB, speed the vendor's bandwidth in GB/s. Integrated ones share the system's memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from toolkit.errors import UsageError

GIB: Final = 1 << 30
MIB: Final = 1 << 20

OVERHEAD_BYTES: Final = 450 * MIB
"""CUDA context and libraries of one process on one GPU: 150 to 600 MiB by card and driver, told by no log."""
MARGIN_BYTES: Final = 1 << 30
"""What the engine leaves free on each GPU when it decides how many layers go there: the `--fit-target` that Ollama
leaves at its default, and raises for a projector (llama.cpp, common/fit.cpp; Ollama, llm/llama_server.go)."""
HOST_BYTES_PER_S: Final = 60 * 10**9
"""What two channels of DDR5 give a program; layers that spill are read at this speed."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. `bytes_per_s` is None where only a size was given; `taken_bytes` is what other programs hold of it."""

    name: str
    total_bytes: int
    bytes_per_s: int | None = None
    library: str = "CUDA"
    compute_major: int = 8
    taken_bytes: int = 0
    integrated: bool = False

    @property
    def free_bytes(self) -> int:
        """What the server's processes can have."""
        return self.total_bytes - self.taken_bytes

    @property
    def has_flash_attention(self) -> bool:
        """False for CUDA cards before compute capability 6; the server then switches it off."""
        return self.library != "CUDA" or self.compute_major >= _FLASH_MAJOR


_FLASH_MAJOR: Final = 6


def _card(name: str, gib: float, gb_per_s: int, major: int = 8, library: str = "CUDA") -> Gpu:
    return Gpu(name, int(gib * GIB), gb_per_s * 10**9, library, major)


GPUS: Final = (
    _card("GTX 1060", 6, 192, 6),
    _card("GTX 1070", 8, 256, 6),
    _card("GTX 1080 Ti", 11, 484, 6),
    _card("GTX 1660", 6, 192, 7),
    _card("RTX 2060", 6, 336, 7),
    _card("RTX 2070", 8, 448, 7),
    _card("RTX 2080 Ti", 11, 616, 7),
    _card("RTX 3050", 8, 224),
    _card("RTX 3060", 12, 360),
    _card("RTX 3060 Ti", 8, 448),
    _card("RTX 3070", 8, 448),
    _card("RTX 3080", 10, 760),
    _card("RTX 3080 Ti", 12, 912),
    _card("RTX 3090", 24, 936),
    _card("RTX 3090 Ti", 24, 1008),
    _card("RTX 4060", 8, 272),
    _card("RTX 4060 Ti", 16, 288),
    _card("RTX 4070", 12, 504),
    _card("RTX 4070 Ti Super", 16, 672),
    _card("RTX 4080", 16, 717),
    _card("RTX 4090", 24, 1008),
    _card("RTX 5060 Ti", 16, 448, 12),
    _card("RTX 5070", 12, 672, 12),
    _card("RTX 5070 Ti", 16, 896, 12),
    _card("RTX 5080", 16, 960, 12),
    _card("RTX 5090", 32, 1792, 12),
    _card("RTX A4000", 16, 448),
    _card("RTX A5000", 24, 768),
    _card("RTX A6000", 48, 768),
    _card("RTX 6000 Ada", 48, 960),
    _card("RTX PRO 6000", 96, 1792, 12),
    _card("Tesla P40", 24, 346, 6),
    _card("Tesla P100", 16, 732, 6),
    _card("Tesla V100", 32, 900, 7),
    _card("T4", 16, 320, 7),
    _card("L4", 24, 300),
    _card("L40S", 48, 864),
    _card("A10", 24, 600),
    _card("A100", 40, 1555),
    _card("A100 80GB", 80, 2039),
    _card("H100", 80, 3350, 9),
    _card("H200", 141, 4800, 9),
    _card("B200", 180, 8000, 10),
    _card("RX 6800", 16, 512, library="ROCm"),
    _card("RX 7900 XT", 20, 800, library="ROCm"),
    _card("RX 7900 XTX", 24, 960, library="ROCm"),
    _card("RX 9070 XT", 16, 640, library="ROCm"),
    _card("MI210", 64, 1638, library="ROCm"),
    _card("MI300X", 192, 5300, library="ROCm"),
)

_SIZE: Final = re.compile(r"^(\d+(?:\.\d+)?) ?(GiB|GB|MiB|MB)$", re.IGNORECASE)
_UNITS: Final = {"gib": GIB, "gb": 10**9, "mib": MIB, "mb": 10**6}


def gpu_of(text: str) -> Gpu:
    """A GPU by name (`rtx4090`, case and blanks do not matter) or by size (`24GiB`). Raises UsageError."""
    size = _SIZE.match(text.strip())
    if size:
        return Gpu(text.strip(), int(float(size[1]) * _UNITS[size[2].lower()]))
    wanted = _key(text)
    for gpu in GPUS:
        if _key(gpu.name) == wanted:
            return gpu
    near = [gpu.name for gpu in GPUS if wanted and wanted in _key(gpu.name)][:4]
    hint = f"; did you mean {' or '.join(near)}?" if near else "; a size such as 24GiB works too"
    raise UsageError(f"GPU {text!r} is not in the list{hint}")


def gpus_of(text: str) -> tuple[Gpu, ...]:
    """Several, separated by commas; `2xrtx4090` repeats."""
    found: list[Gpu] = []
    for part in text.split(","):
        count, times, name = part.strip().partition("x")
        if times and count.isdigit() and int(count):
            found += [gpu_of(name)] * int(count)
        else:
            found.append(gpu_of(part))
    return tuple(found)


def _key(name: str) -> str:
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"^(nvidia|geforce|amd|radeon)+", "", bare)
