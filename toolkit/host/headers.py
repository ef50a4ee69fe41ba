"""The header of a model that a config describes by numbers: published, or drafted from what the config says.

What the config says outright (`vram`) counts; what is neither said nor follows from a header is estimated, and told.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.draft import drafted
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.fit.takes import ByFigures, ByHeader, Said
from toolkit.fit.told import USUAL_FILE_TYPE
from toolkit.ollama.gguf import GgufError

if TYPE_CHECKING:
    from toolkit.config.twin_parts import TwinModelSection
    from toolkit.fit.spec import Spec
    from toolkit.ollama.gguf.records import Scalar

SAME_SIZE: Final = 0.05
"""A file that differs by more from what its header adds up to is of another recipe; its weights are then scaled."""


def takes_of(model: TwinModelSection) -> ByHeader | ByFigures:
    """What the model takes of memory, as well as can be told from its section."""
    said = Said(model.vram.weights_bytes, model.vram.kv_bytes_per_token, model.vram.compute_bytes)
    spec = _published(model) or _drafted(model)
    if spec is None:
        guessed = [
            words
            for words, given in (
                ("weights by the size of the file", said.weights_bytes),
                ("cache by heads", said.kv_bytes_per_token),
                ("scratch buffer of 512 MiB", said.compute_bytes),
            )
            if given is None
        ]
        whole = Said(model.weights_bytes, model.kv_bytes_per_token, model.compute_bytes)
        return ByFigures(whole, model.blocks + 1, ", ".join(guessed))
    if said.weights_bytes is None and abs(spec.tensor_bytes / model.size_bytes - 1) > SAME_SIZE:
        said = Said(_scaled(spec, model.size_bytes), said.kv_bytes_per_token, said.compute_bytes)
        return ByHeader(spec, said, "weights by the size of the file")
    return ByHeader(spec, said)


def _published(model: TwinModelSection) -> Spec | None:
    """The published model of this name, if the config's numbers are its numbers."""
    spec = _published_spec(model.name, model.size_bytes)
    if spec is None:
        return None
    theirs = (spec.architecture, spec.layers, spec.embedding, max(spec.heads), max(spec.kv_heads))
    mine = (model.architecture, model.blocks, model.embedding_length, model.head_count, model.head_count_kv)
    return spec if theirs == mine else None


@lru_cache(maxsize=64)
def _published_spec(name: str, file_bytes: int) -> Spec | None:
    """One object a model: what was once worked out for it is then known to every host that has it."""
    with suppress(UsageError):
        return spec_of(published(name), file_bytes)
    return None


def _drafted(model: TwinModelSection) -> Spec | None:
    """A header from the section's own numbers, where they are enough."""
    if model.feed_forward_length is None or model.vocabulary is None:
        return None
    keys: dict[str, Scalar] = {
        "block_count": model.blocks,
        "embedding_length": model.embedding_length,
        "feed_forward_length": model.feed_forward_length,
        "attention.head_count": model.head_count,
        "attention.head_count_kv": model.head_count_kv,
        "context_length": model.context_length,
        **model.header,
    }
    metadata: dict[str, Scalar] = {f"{model.architecture}.{key}": value for key, value in keys.items()}
    metadata["general.architecture"] = model.architecture
    kind = model.details.quantization or USUAL_FILE_TYPE
    with suppress(GgufError, KeyError):
        both = [
            drafted(model.name, metadata, model.vocabulary, kind, tied=tied, file_bytes=model.size_bytes)
            for tied in (True, False)
        ]
        return spec_of(min(both, key=lambda header: abs(header.tensor_bytes - model.size_bytes)), model.size_bytes)
    return None


def _scaled(spec: Spec, file_bytes: int) -> int:
    """What a GPU holds of a file of this size, by the share that it holds of the tensors."""
    held = ByHeader(spec).estimate(Setting(1)).weights_gpu_bytes
    return round(held * file_bytes / spec.tensor_bytes)
