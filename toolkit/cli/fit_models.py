"""Where `hotswap fit` takes models and GPUs from: a file, a server, the catalogue, the config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.draft import drafted
from toolkit.fit.gpus import Gpu
from toolkit.fit.spec import Spec, spec_of
from toolkit.ollama.gguf import ArrayValue, Header, header_from_show, metadata_from_show, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.config.models import Config
    from toolkit.ollama.sync_client import SyncOllamaClient


def model_names(config: Config) -> tuple[str, ...]:
    """The config's models, each once."""
    return tuple(dict.fromkeys(entry.name for entry in config.llm.models.values()))


def config_gpus(config: Config) -> tuple[Gpu, ...]:
    """The GPUs of the config's simulated host. Raises UsageError if it has none."""
    found = tuple(
        Gpu(gpu.name, gpu.memory_bytes, gpu.bandwidth_bytes_per_s, gpu.library, gpu.compute_major)
        for gpu in config.twin.gpus
    )
    if not found:
        raise UsageError("the config's host has no GPU, so nothing can be said about GPU memory; name one with --gpu")
    return found


def specs_of(names: Sequence[str], config: Config, host: str | None) -> list[tuple[str, Spec]]:
    """Names (as a table shows them) and specs, in order."""
    if host is None:
        return [_local(name) for name in names]
    from toolkit.ollama.sync_client import SyncOllamaClient  # noqa: PLC0415 - only with --host

    with SyncOllamaClient(config.llm.base_url if host == "config" else host) as client:
        sizes = {model.name: model.size_bytes for model in client.tags()}
        return [_local(name) if _is_file(name) else _asked(client, name, sizes) for name in names]


def _is_file(name: str) -> bool:
    return name.endswith(".gguf") or ("/" in name and Path(name).exists())


def _local(name: str) -> tuple[str, Spec]:
    if _is_file(name):
        return Path(name).stem, spec_of(read_file(name))
    return name, spec_of(published(name))


def _asked(client: SyncOllamaClient, name: str, sizes: dict[str, int]) -> tuple[str, Spec]:
    """The server's word: keys and tensors; tensors are drafted from the keys if it lists none."""
    shown = client.show(name, in_full=True)
    size = sizes.get(name) or sizes.get(f"{name}:latest")
    if shown.tensors:
        return name, spec_of(header_from_show(name, shown.model_info, shown.tensors, size))
    return name, spec_of(_drafted(name, shown.model_info, shown.details.quantization or "Q4_K_M", size))


def _drafted(name: str, model_info: Mapping[str, Any], file_type: str, size: int | None) -> Header:
    """Tensors from the keys; whether the head is the embedding table is told by the size of the file."""
    metadata = metadata_from_show(model_info)
    tokens = metadata.get("tokenizer.ggml.tokens")
    said = metadata.get(f"{metadata.get('general.architecture')}.vocab_size")
    vocabulary = tokens.length if isinstance(tokens, ArrayValue) else said if isinstance(said, int) else 0
    if not vocabulary:  # a server that tells less than Ollama does; the model may be a published one
        return published(name)
    both = [drafted(name, metadata, vocabulary, file_type, tied=tied, file_bytes=size) for tied in (True, False)]
    return min(both, key=lambda header: abs(header.tensor_bytes - (size or header.tensor_bytes)))
