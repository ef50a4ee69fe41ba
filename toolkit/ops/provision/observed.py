"""What a host has: what is installed, what is loaded, and how the models are made that the config wants made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.ollama.errors import ModelMissingError
from toolkit.ops.provision.desired import model_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.ollama.client import OllamaClient
    from toolkit.ollama.types import InstalledModel, ModelInfo, RunningModel
    from toolkit.ops.provision.desired import Desired

_FROM = re.compile(r"^FROM (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Made:
    """How an installed model is made. `sources` are the paths of its files, which name their digests."""

    parameters: tuple[tuple[str, str], ...]
    system: str
    template: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """A host at one moment; `made` has what was asked about, by `model_key`."""

    installed: tuple[InstalledModel, ...] = ()
    running: tuple[RunningModel, ...] = ()
    made: Mapping[str, Made] = field(default_factory=dict)

    def find(self, name: str) -> InstalledModel | None:
        """The installed model of this name, however it is written."""
        key = model_key(name)
        return next((model for model in self.installed if model_key(model.name) == key), None)

    def find_running(self, name: str) -> RunningModel | None:
        """The same among loaded models."""
        key = model_key(name)
        return next((model for model in self.running if model_key(model.name) == key), None)


async def look(client: OllamaClient, desired: Iterable[Desired]) -> Observed:
    """Ask a host. Reads only: nothing is loaded, nothing disturbed. Raises OllamaError."""
    installed, running = await client.tags(), await client.ps()
    present = {model_key(model.name): model.name for model in installed}
    wanted = {model_key(name) for one in desired if one.recipe for name in (one.name, one.recipe.base)}
    made = {}
    for key in sorted(wanted & present.keys()):
        try:
            made[key] = made_of(await client.show(present[key]))
        except ModelMissingError:  # deleted by somebody since the list was made
            continue
    return Observed(installed, running, made)


def made_of(info: ModelInfo) -> Made:
    """How a model is made, as `/api/show` tells."""
    return Made(info.parameters, info.system, info.template, tuple(_FROM.findall(info.modelfile)))
