"""What the config wants on a host, each model once, bases before what is made of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.host.library.names import parse_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.config.declared import DeclaredModel, ModelfileSection
    from toolkit.config.models import Config
    from toolkit.config.runner_options import OptionValue


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a derived model is made; what is None is taken over from `base`, and so is every parameter not named."""

    base: str
    parameters: tuple[tuple[str, OptionValue], ...] = ()
    system: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """One model. `digest` is that of `/api/tags` (hex), None for any; `recipe` is None for a model that is pulled."""

    name: str
    digest: str | None = None
    recipe: Recipe | None = None
    pin: bool = False

    @property
    def key(self) -> str:
        """See `model_key`."""
        return model_key(self.name)


def model_key(name: str) -> str:
    """The name by which the server tells models apart: defaults filled in or left out alike, in any case."""
    return parse_name(name).short.lower()


def desired_models(config: Config) -> tuple[Desired, ...]:
    """Everything that the config names: models with a role, of rules, of `host.models`, and what they are made of."""
    declared: dict[str, Desired] = {}
    for model in config.declared_models:
        _merge(declared, _desired(model))
    for name in config.llm.model_names:
        _merge(declared, Desired(name))
    for model in config.declared_models:
        if model.modelfile is not None:
            _merge(declared, Desired(model.modelfile.base))
    return tuple(_bases_first(declared))


def _merge(declared: dict[str, Desired], new: Desired) -> None:
    """Add a declaration; of two, that which says more holds (the config refuses those that contradict each other)."""
    old = declared.get(new.key, new)
    declared[new.key] = Desired(old.name, old.digest or new.digest, old.recipe or new.recipe, old.pin or new.pin)


def _desired(model: DeclaredModel) -> Desired:
    recipe = None if model.modelfile is None else _recipe(model.modelfile)
    return Desired(model.name, model.digest, recipe, model.pin)


def _recipe(modelfile: ModelfileSection) -> Recipe:
    return Recipe(modelfile.base, tuple(sorted(modelfile.parameters.items())), modelfile.system, modelfile.template)


def _bases_first(declared: dict[str, Desired]) -> Iterator[Desired]:
    done: set[str] = set()

    def visit(model: Desired) -> Iterator[Desired]:
        if model.key in done:
            return
        done.add(model.key)
        base = None if model.recipe is None else declared.get(model_key(model.recipe.base))
        if base is not None:
            yield from visit(base)
        yield model

    for model in declared.values():
        yield from visit(model)
