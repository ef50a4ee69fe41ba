"""What a recording says of its models: size of the file, memory of the runner, context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.host import timing
from toolkit.measure.outcomes import LEAST_LOAD_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.config.twin_parts import TwinModelSection
    from toolkit.measure.matrix import Row
    from toolkit.measure.recording import Recording
    from toolkit.measure.server_log import Life

NS_PER_S = 1e9
USUAL_BYTES_PER_S = 6e9
"""At which the twin reads a file in the page cache unless a config says otherwise: a tenth of a RAM's 60 GB/s."""
LEAST_BYTES = 1_000_000
COMPUTE_BYTES = 20_000_000
"""Scratch buffers where only one context was seen, so that they cannot be told from the cache."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """A model. `blob` is the beginning of the file's sha256 (None: not seen), `context` the largest that was loaded.

    `host_bytes` is what a runner of that context held of the host's memory, file, cache and buffers.
    """

    name: str
    blob: str | None
    file_bytes: int
    kv_bytes_per_token: int
    compute_bytes: int
    context: int
    host_bytes: int
    embedding: bool


def sizes_of(rows: Sequence[Row], lives: Iterable[Life], recording: Recording | None) -> dict[str, Sizes]:
    """The models by name. One whose file is in no matrix is as large as its smallest runner."""
    files = {row.model: row.file_bytes for row in rows}
    embedding = {request.model for request in recording.requests if request.kind == "embed"} if recording else set()
    known: dict[str, dict[int, int]] = {}
    on_gpu: dict[str, int] = {}
    blobs: dict[str, str] = {}
    for life in lives:
        blobs.setdefault(life.model, life.blob)
        if life.size_bytes is not None:
            known.setdefault(life.model, {})[life.num_ctx] = life.size_bytes
            on_gpu[life.model] = max(on_gpu.get(life.model, 0), life.vram_bytes or 0)
    sizes = {}
    for name in {*files, *known}:
        by_context = known.get(name, {})
        context = max(by_context, default=4096)
        held = by_context.get(context, files.get(name, 0))
        file_bytes = files.get(name, min(by_context.values(), default=0))
        kv_bytes = _kv_bytes(file_bytes, by_context)
        compute = max(held - file_bytes - kv_bytes * context, 0)
        sizes[name] = Sizes(
            name,
            blobs.get(name),
            file_bytes,
            kv_bytes,
            compute,
            context,
            max(max(held, file_bytes) - on_gpu.get(name, 0), 0),
            name in embedding,
        )
    return sizes


def size_by_loads(recording: Recording | None, name: str) -> Sizes | None:
    """A model of which only traffic is known: as large as its quickest load fills at the twin's usual speed.

    Other requests may have held the longer ones up. Where only the loads' times count, and each model's own are right,
    that is all a twin needs; whether models fit together is not to be asked of it. None if no load was seen.
    """
    asked = [request for request in recording.requests if request.model == name] if recording is not None else []
    waits_ns = [
        request.wait_ns for request in asked if request.wait_ns is not None and request.wait_ns >= LEAST_LOAD_NS
    ]
    if not waits_ns:
        return None
    filled_s = max(min(waits_ns) - timing.PROCESS_START_NS, 0) / NS_PER_S
    size_bytes = max(round(filled_s * USUAL_BYTES_PER_S), LEAST_BYTES)
    context = max((request.num_ctx for request in asked if request.num_ctx is not None), default=4096)
    embedding = any(request.kind == "embed" for request in asked)
    return Sizes(name, None, size_bytes, 0, 0, context, size_bytes, embedding)


def declared_sizes(model: TwinModelSection) -> Sizes:
    """A model as a config describes it."""
    return Sizes(
        model.name, None, model.size_bytes, model.kv_bytes_per_token, model.compute_bytes, model.context_length,
        model.size_bytes, model.embedding,
    )  # fmt: skip


def _kv_bytes(file_bytes: int, by_context: dict[int, int]) -> int:
    """Of two contexts the difference; of one, what is left beside the file and a usual scratch buffer."""
    if not by_context:
        return 0
    small, large = min(by_context), max(by_context)
    if large > small:
        return max(by_context[large] - by_context[small], 0) // (large - small)
    return max(by_context[large] - file_bytes - COMPUTE_BYTES, 0) // large
