"""Who was measured: the host, its version, the models that were asked for, and whether it is a simulation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from toolkit.config.scalars import canonical_model_name, digest_of_name
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.ollama.address import Address
    from toolkit.ollama.types import InstalledModel, ModelInfo, Version

_BLOB = re.compile(r"^FROM .*sha256[-:]([0-9a-f]{64})\s*$", re.MULTILINE)


class AskableHost(Protocol):
    """The calls that are needed; `OllamaClient` has them."""

    address: Address

    async def tags(self) -> tuple[InstalledModel, ...]:
        """The models on disk."""
        ...

    async def show(self, model: str, *, in_full: bool = False) -> ModelInfo:
        """What the server knows about a model."""
        ...

    async def version(self) -> Version:
        """The server's version."""
        ...


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """A model as the host has it; `file_bytes` is what `/api/tags` calls its size.

    `blob` is the sha256 of its model file by its Modelfile, None if that names none. Two models of one blob share one
    process on the server.
    """

    name: str
    digest: str
    file_bytes: int
    generates: bool
    blob: str | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a measurement was made on. `simulated`: its models' files are stand-ins, so it is this toolkit's twin."""

    url: str
    server_version: str
    toolkit_version: str
    started_at: str
    models: tuple[MeasuredModel, ...]
    simulated: bool


async def ask_host(client: AskableHost, names: Sequence[str], *, to_generate: bool) -> HostFacts:
    """Look the models up before anything is touched.

    Raises:
        UsageError: a model is not on the host, or cannot generate although it has to.
        OllamaError: the host does not answer.
    """
    server = await client.version()
    rows = {row.name: row for row in await client.tags()}
    wanted = tuple(dict.fromkeys(canonical_model_name(name) for name in names))
    missing = [name for name in wanted if name not in rows]
    if missing:
        pulls = " && ".join(f"ollama pull {name}" for name in missing)
        raise UsageError(f"{client.address.url} has no model {', '.join(missing)}; get what is missing: {pulls}")
    shown = [await client.show(name) for name in wanted]
    models = tuple(_measured(rows[name], info) for name, info in zip(wanted, shown, strict=True))
    mute = [model.name for model in models if to_generate and not model.generates]
    if mute:
        raise UsageError(f"{', '.join(mute)} cannot generate text, so it cannot be measured; name the others")
    return HostFacts(
        url=client.address.url,
        server_version=server.text,
        toolkit_version=version("hotswap-toolkit"),
        started_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        models=models,
        simulated=any(is_stand_in(name, info) for name, info in zip(wanted, shown, strict=True)),
    )


def is_stand_in(name: str, info: ModelInfo) -> bool:
    """Whether the model's blob has the digest of the model's *name*, which no real file has and the twin's do."""
    return any(digest_of_name(one) in info.modelfile for one in (name, name.removesuffix(":latest")))


def _measured(row: InstalledModel, info: ModelInfo) -> MeasuredModel:
    capabilities = info.capabilities
    blob = _BLOB.search(info.modelfile)
    generates = capabilities is None or "completion" in capabilities
    return MeasuredModel(row.name, row.digest, row.size_bytes, generates, blob[1] if blob else None)
