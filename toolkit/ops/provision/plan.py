"""From what is wanted and what is there to what would be done, and what it needs. Pure.

Nothing is ever removed by a plan: what the config does not name is listed as prunable, and stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.drift import drift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.ops.provision.desired import Desired
    from toolkit.ops.provision.observed import Observed

SHOWN_DIGITS = 12
"""Of a digest in a sentence, as `ollama list` shows it."""


class Kind(Enum):
    """What is to be done with a model."""

    PULL = "pull"
    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Action:
    """One line of a plan.

    `base` is what a derived model is made of, None for a model that is pulled. `size_bytes` is what has to be fetched
    for it, or what it takes if it stays; None where only the registry knows. `estimated`: from a published header.
    """

    kind: Kind
    name: str
    reason: str
    base: str | None = None
    size_bytes: int | None = None
    estimated: bool = False

    @property
    def fetches(self) -> bool:
        """Whether something has to be downloaded."""
        return self.base is None and self.kind in {Kind.PULL, Kind.UPDATE}

    @property
    def makes(self) -> bool:
        """Whether a model has to be made of another one."""
        return self.base is not None and self.kind in {Kind.CREATE, Kind.UPDATE}


@dataclass(frozen=True, slots=True)
class Size:
    """What a model takes on disk before it is there. `estimated`: from a published header, within a few percent."""

    size_bytes: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class Disk:
    """The models' disk. `free_bytes` is None where nothing is known; `at_most`: it may be less."""

    free_bytes: int | None = None
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, in an order in which it can be done; then what is prunable."""

    actions: tuple[Action, ...]
    disk: Disk = field(default_factory=Disk)

    @property
    def changes(self) -> tuple[Action, ...]:
        """All that `apply` would do."""
        return tuple(action for action in self.actions if action.fetches or action.makes)

    @property
    def prunable(self) -> tuple[Action, ...]:
        """What `prune` would remove."""
        return tuple(action for action in self.actions if action.kind is Kind.REMOVE)

    @property
    def needed_bytes(self) -> int:
        """What the fetches need at least: those of known size."""
        return sum(action.size_bytes or 0 for action in self.actions if action.fetches)

    @property
    def of_unknown_size(self) -> tuple[str, ...]:
        """Fetches of which only the registry knows the size."""
        return tuple(action.name for action in self.actions if action.fetches and action.size_bytes is None)

    @property
    def lacking_bytes(self) -> int:
        """How much of the disk is missing at least; 0 if it suffices as far as is known."""
        free_bytes = self.disk.free_bytes
        return 0 if free_bytes is None else max(self.needed_bytes - free_bytes, 0)


def make_plan(
    desired: Sequence[Desired], observed: Observed, sizes: Mapping[str, Size], disk: Disk | None = None
) -> Plan:
    """Compare. `sizes` has what is known of models before they are there, by `model_key`."""
    wanted = [_action(model, observed, sizes) for model in desired]
    named = {model.key for model in desired}
    others = [
        Action(Kind.REMOVE, model.name, "the config does not name it", size_bytes=model.size_bytes)
        for model in sorted(observed.installed, key=lambda model: model.name)
        if model_key(model.name) not in named
    ]
    return Plan((*wanted, *others), disk or Disk())


def _action(model: Desired, observed: Observed, sizes: Mapping[str, Size]) -> Action:
    if model.recipe is not None:
        return _derived(model, observed)
    there = observed.find(model.name)
    if there is None:
        return _fetch(Kind.PULL, model, "not on the host", sizes)
    if model.digest is not None and there.digest != model.digest:
        reason = f"has the digest {there.digest[:SHOWN_DIGITS]}, the config pins {model.digest[:SHOWN_DIGITS]}"
        return _fetch(Kind.UPDATE, model, reason, sizes)
    reason = "has the pinned digest" if model.digest is not None else "on the host"
    return Action(Kind.KEEP, model.name, reason, size_bytes=there.size_bytes)


def _fetch(kind: Kind, model: Desired, reason: str, sizes: Mapping[str, Size]) -> Action:
    size = sizes.get(model.key)
    if size is None:
        return Action(kind, model.name, reason)
    return Action(kind, model.name, reason, size_bytes=size.size_bytes, estimated=size.estimated)


def _derived(model: Desired, observed: Observed) -> Action:
    recipe = model.recipe
    if recipe is None:
        raise ValueError(f"{model.name} has no recipe")
    there, made = observed.find(model.name), observed.made.get(model.key)
    base = observed.made.get(model_key(recipe.base))
    if there is None or made is None:
        return Action(Kind.CREATE, model.name, f"made of {recipe.base}", recipe.base)
    if base is None:
        reason = f"its base {recipe.base} is not on the host, so it can be compared only after that is pulled"
        return Action(Kind.UPDATE, model.name, reason, recipe.base)
    differences = drift(recipe, made, base)
    if differences:
        return Action(Kind.UPDATE, model.name, "; ".join(differences), recipe.base)
    return Action(Kind.KEEP, model.name, f"made of {recipe.base} as declared", recipe.base, there.size_bytes)
