"""What is known of models for `toolkit.fit`: the host's own word where it lists tensors, else the catalogue's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.fit.catalogue import published
from toolkit.fit.spec import spec_of
from toolkit.ollama.errors import ModelMissingError
from toolkit.ollama.gguf import GgufError, header_from_show
from toolkit.ops.provision.desired import model_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.fit.spec import Spec
    from toolkit.ollama.client import OllamaClient
    from toolkit.ops.provision.desired import Desired
    from toolkit.ops.provision.observed import Observed


async def specs_of(client: OllamaClient, desired: Iterable[Desired], observed: Observed) -> dict[str, Spec]:
    """Specs by `model_key`; a derived model has its base's. Models of which nothing is known are left out."""
    specs: dict[str, Spec] = {}
    for model in desired:  # bases come first
        if model.recipe is None:
            found = await _asked(client, model.name, observed) or _published(model.name)
        else:
            found = specs.get(model_key(model.recipe.base))
        if found is not None:
            specs[model.key] = found
    return specs


async def _asked(client: OllamaClient, name: str, observed: Observed) -> Spec | None:
    there = observed.find(name)
    if there is None:
        return None
    try:
        shown = await client.show(there.name, in_full=True)
        if shown.tensors:
            return spec_of(header_from_show(name, shown.model_info, shown.tensors, there.size_bytes))
    except (ModelMissingError, GgufError):  # gone meanwhile, or told in a way that cannot be used: ask the catalogue
        return None
    return None


def _published(name: str) -> Spec | None:
    try:
        return spec_of(published(model_key(name)))
    except UsageError:
        return None
