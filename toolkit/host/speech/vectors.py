"""Embedding vectors: made up from the text; equal texts have equal vectors, shared words bring texts closer."""

from __future__ import annotations

import hashlib
import math
import random
import struct


def vector_of(text: str, dimensions: int) -> list[float]:
    """A unit vector of float32 values: the sum of a vector for each word."""
    words = text.lower().split() or [""]
    total = [0.0] * dimensions
    for word in words:
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:8], "big")
        rng = random.Random(seed)
        total = [value + rng.gauss(0.0, 1.0) for value in total]
    return normalised(total)


def normalised(values: list[float]) -> list[float]:
    """Length one, in float32."""
    length = max(math.sqrt(sum(value * value for value in values)), 1e-12)
    packed = struct.pack(f"{len(values)}f", *(value / length for value in values))
    return list(struct.unpack(f"{len(values)}f", packed))
