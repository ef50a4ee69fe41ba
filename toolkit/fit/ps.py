"""What `/api/ps` will show as `size_vram`: the server adds up the buffer sizes that the engine logs.

The log has two decimals of MiB, so each buffer loses up to 5 KiB. And the server keeps one number for each kind of
buffer: a model with windows logs two cache lines of the same kind, the second of which replaces the first, so the whole
cache of the full layers is missing. Its view of free memory inherits that. Recurrent states are logged as a kind of
their own. Source: Ollama, llm/llama_server.go (memoryParsingWriter).
"""

from __future__ import annotations

from typing import Final

_MIB: Final = 1 << 20


def logged_bytes(nbytes: int) -> int:
    """A size as it comes back from the log: rounded to 0.01 MiB, then cut to whole bytes."""
    return int(float(f"{nbytes / _MIB:.2f}") * _MIB)


def shown_vram_bytes(weights: int, full_cache: int, sliding_cache: int, states: int, compute: int) -> int:
    """`size_vram` of a model that is wholly on one GPU; arguments are bytes on that GPU."""
    cache = sliding_cache or full_cache
    return sum(logged_bytes(part) for part in (weights, cache, states, compute))
