"""What the config says, as the doctor's wishes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from toolkit.config.scalars import canonical_model_name
from toolkit.fit.gpus import Gpu
from toolkit.ops.doctor.evidence import ModelWish, Wishes

if TYPE_CHECKING:
    from toolkit.config.llm import ModelEntry
    from toolkit.config.loading import LoadedConfig


def wishes_of(loaded: LoadedConfig, asked_url: str | None = None, host_gpus: tuple[Gpu, ...] | None = None) -> Wishes:
    """The wishes; `asked_url` and `host_gpus` are what the user gave, None for the config's own.

    GPUs of the config count as described only where somebody wrote them: the embedded ones are not the host's. Names
    have their tags, as the server lists them.
    """
    config = loaded.config
    described = any(
        origin.kind != "default" and path.startswith("twin.gpus") for path, origin in loaded.origins.items()
    )
    gpus = tuple(
        Gpu(gpu.name, gpu.memory_bytes, gpu.bandwidth_bytes_per_s, gpu.library, gpu.compute_major)
        for gpu in config.twin.gpus
    )
    return Wishes(
        base_url=config.llm.base_url,
        asked_url=asked_url,
        models=tuple(_wish(entry) for entry in config.llm.models.values()),
        others=tuple(ModelWish(canonical_model_name(m.name), m.digest, pinned=m.pin) for m in config.host.models),
        max_models=config.llm.cache.max_models,
        keep_alive_ns=config.llm.cache.keep_alive_ns,
        settings=dict(config.host.settings),
        gpus=host_gpus or (gpus if described else None),
        embedded=loaded.path is None,
        file="FILE" if loaded.path is None else shlex.quote(str(loaded.path)),
    )


def _wish(entry: ModelEntry) -> ModelWish:
    return ModelWish(canonical_model_name(entry.name), entry.digest, dict(entry.options), entry.pin)
