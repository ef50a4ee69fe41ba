"""Video memory in use, as `/api/ps` shows it: without the driver's own part, so less than `nvidia-smi` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.metrics.metric import RunMetric

if TYPE_CHECKING:
    from toolkit.metrics.metric import Window


def _vram_bytes(window: Window) -> float | None:
    """Time-weighted mean over the window of what all resident models hold; None where nobody looked."""
    spans = window.run.residency
    if not spans:
        return None
    held = 0
    for span in spans:
        if span.ready_ns is not None:
            left_ns = window.end_ns if span.gone_ns is None else min(span.gone_ns, window.end_ns)
            held += span.vram_bytes * max(0, left_ns - max(span.ready_ns, window.start_ns))
    return held / (window.end_ns - window.start_ns)


VRAM = RunMetric(
    "vram", "bytes", "lower", "rate", ("residency",),
    "mean over time of the sum of size_vram of all resident models",
    "monitoring tools sample nvidia-smi, which adds the driver's 150 to 600 MiB a process", _vram_bytes,
)  # fmt: skip
