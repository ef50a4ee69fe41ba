"""Removing what the config does not name. What it names is never touched, whatever the caller asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import HostError
from toolkit.ollama.errors import ModelMissingError
from toolkit.ops.provision.observed import look

if TYPE_CHECKING:
    from toolkit.ollama.client import OllamaClient
    from toolkit.ops.provision.apply import Wanted


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of one model; `problem` is None if it is gone. `stays_loaded`: in memory it lives on."""

    name: str
    size_bytes: int
    stays_loaded: bool = False
    problem: str | None = None


async def prune(client: OllamaClient, wanted: Wanted, agreed: frozenset[str]) -> tuple[Removed, ...]:
    """Delete the models that somebody has agreed to, if the config still does not name them now.

    Raises:
        OllamaError: the host does not answer.
    """
    observed = await look(client, wanted.models)
    removed = []
    for action in wanted.plan(observed).prunable:
        if action.name not in agreed:
            continue
        problem = None
        try:
            await client.delete(action.name)
        except ModelMissingError:  # gone already, which is what was wanted
            problem = None
        except HostError as error:
            problem = str(error)
        loaded = observed.find_running(action.name) is not None
        removed.append(Removed(action.name, action.size_bytes or 0, loaded and problem is None, problem))
    return tuple(removed)
