"""What the config says, as the doctor's wishes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from toolkit.fit.gpus import Gpu
from toolkit.ops.doctor.evidence import ModelWish, Wishes

if TYPE_CHECKING:
    from toolkit.config.llm import ModelEntry
    from toolkit.config.loading import LoadedConfig


def wishes_of(loaded: LoadedConfig, base_url: str | None = None) -> Wishes:
    """The wishes; `base_url` is the address as the user gave it, None for the config's own.

    GPUs count as described only where the file itself names them: the embedded ones are not the host's.
    """
    config = loaded.config
    described = any(o.kind == "file" and path.startswith("twin.gpus") for path, o in loaded.origins.items())
    gpus = tuple(
        Gpu(gpu.name, gpu.memory_bytes, gpu.bandwidth_bytes_per_s, gpu.library, gpu.compute_major)
        for gpu in config.twin.gpus
    )
    return Wishes(
        base_url=base_url or config.llm.base_url,
        models=tuple(_wish(entry) for entry in config.llm.models.values()),
        others=tuple(ModelWish(model.name, model.digest, pinned=model.pin) for model in config.host.models),
        max_models=config.llm.cache.max_models,
        keep_alive_ns=config.llm.cache.keep_alive_ns,
        settings=dict(config.host.settings),
        gpus=gpus if described else None,
        embedded=loaded.path is None,
        file="FILE" if loaded.path is None else shlex.quote(str(loaded.path)),
    )


def _wish(entry: ModelEntry) -> ModelWish:
    return ModelWish(entry.name, entry.digest, dict(entry.options), entry.pin)
