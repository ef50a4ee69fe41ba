"""Whether a model that was fetched or made is what was wanted: the host is asked, no progress line is trusted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.drift import drift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.ops.provision.desired import Desired, Recipe
    from toolkit.ops.provision.observed import Observed


def wrong_with(model: Desired, observed: Observed, blob_bytes: Sequence[tuple[str, int]]) -> str | None:
    """What is wrong with it, as a sentence; None if nothing. `blob_bytes` are the files that the transfer reported."""
    there = observed.find(model.name)
    if there is None:
        return (
            f"{model.name}: the transfer ended well, but the host does not list it; did somebody delete it meanwhile?"
        )
    if model.digest is not None and there.digest != model.digest:
        return (
            f"{model.name}: the config pins the digest {model.digest}, the registry's copy has {there.digest}; "
            "if that copy is wanted, put its digest into the config"
        )
    reported_bytes = sum(size for _, size in blob_bytes)
    if there.size_bytes < reported_bytes:
        return (
            f"{model.name}: the host lists {there.size_bytes} bytes, but its files have {reported_bytes}; "
            "delete it and apply again"
        )
    return None if model.recipe is None else _wrong_with_recipe(model, model.recipe, observed)


def _wrong_with_recipe(model: Desired, recipe: Recipe, observed: Observed) -> str | None:
    made, base = observed.made.get(model.key), observed.made.get(model_key(recipe.base))
    if made is None or base is None:
        return f"{model.name}: it cannot be compared with its base {recipe.base}, which is not there; apply again"
    differences = "; ".join(drift(recipe, made, base))
    return f"{model.name}: made, and still not as declared: {differences}" if differences else None
