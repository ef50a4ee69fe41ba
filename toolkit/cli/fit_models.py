"""Where `hotswap fit` takes models and GPUs from: a file, a server, the catalogue, the config."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.errors import UsageError, unreadable
from toolkit.fit.catalogue import published
from toolkit.fit.gpus import Gpu
from toolkit.fit.learned import Learned, learn, usable
from toolkit.fit.observations import parse_observations
from toolkit.fit.spec import Spec, spec_of
from toolkit.fit.told import told_header
from toolkit.ollama.gguf import read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.config.models import Config
    from toolkit.fit.room import Room
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
    return name, spec_of(told_header(name, shown, size))


def learned_from(path: Path, named: Sequence[tuple[str, Spec]], room: Room) -> Learned:
    """Corrections out of a file of observations; what cannot be used is said on stderr.

    Raises InputError for a wrong line, UsageError if there is no such file, if it is of several hosts, or if nothing in
    it can be used.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {unreadable(error)}") from error
    seen = parse_observations(lines, str(path))
    hosts = sorted({one.host for one in seen})
    if len(hosts) > 1:
        raise UsageError(f"{path}: observations of {' and '.join(hosts)}; what one host taught is not true of another")
    used = usable(seen, {**_published({one.model for one in seen}), **dict(named)}, room)
    if not used:
        raise UsageError(f"{path}: no observation of a model that is known here and that was wholly on GPUs")
    if len(used) < len(seen):
        click.echo(f"{len(seen) - len(used)} of {len(seen)} observations left out: spilled, or unknown model", err=True)
    return learn(used)


def _published(names: set[str]) -> dict[str, Spec]:
    """Specs of those names that the catalogue has."""
    found = {}
    for name in sorted(names):
        with suppress(UsageError):
            found[name] = spec_of(published(name))
    return found
