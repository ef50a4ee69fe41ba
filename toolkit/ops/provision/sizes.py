"""What is known of models and disk before anything is fetched. A registry tells a size only during a pull. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.plan import Disk, Size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.config.host import ModelDiskSection
    from toolkit.config.models import Config
    from toolkit.ollama.types import InstalledModel
    from toolkit.ops.provision.desired import Desired

_SAME_WEIGHTS_BYTES = 1_000_000


def known_sizes(config: Config, desired: Iterable[Desired]) -> dict[str, Size]:
    """Sizes by `model_key`: as the config's twin section says, else drafted from the published header."""
    said = {model_key(model.name): model.size_bytes for model in config.twin.models}
    sizes = {}
    for model in desired:
        if model.key in said:
            sizes[model.key] = Size(said[model.key], estimated=True)
            continue
        try:
            sizes[model.key] = Size(published(model.key).tensor_bytes, estimated=True)
        except UsageError:  # in no catalogue: unknown, and shown so
            continue
    return sizes


def disk_of(section: ModelDiskSection, installed: Iterable[InstalledModel]) -> Disk:
    """The disk as the config states it; from its size alone follows what can be free at most.

    Models share files: one that is made of another has nearly its size, and is counted once with it.
    """
    if section.free_bytes is not None:
        return Disk(section.free_bytes)
    if section.size_bytes is None:
        return Disk()
    taken_bytes, last_bytes = 0, -_SAME_WEIGHTS_BYTES
    for size_bytes in sorted(model.size_bytes for model in installed):
        if size_bytes - last_bytes >= _SAME_WEIGHTS_BYTES:
            taken_bytes += size_bytes
        last_bytes = size_bytes
    return Disk(max(section.size_bytes - taken_bytes, 0), at_most=True)
