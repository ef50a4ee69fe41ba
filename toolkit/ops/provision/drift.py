"""Where an installed model differs from the recipe that it should be made by. Pure.

A creation takes over from the base what the recipe does not say, so the base belongs to the comparison: a parameter
that was taken out of the recipe, and a base that was pulled anew, are differences too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toolkit.config.runner_options import OptionValue
    from toolkit.ops.provision.desired import Recipe
    from toolkit.ops.provision.observed import Made

Values = tuple[str, ...]


def drift(recipe: Recipe, made: Made, base: Made) -> tuple[str, ...]:
    """One clause for each difference, in a fixed order; none if a creation would change nothing."""
    return tuple(_differences(recipe, made, base))


def _differences(recipe: Recipe, made: Made, base: Made) -> Iterator[str]:
    if made.sources != base.sources:
        yield f"it is made of other weights than {recipe.base} has now"
    declared = {name: shown_values(value) for name, value in recipe.parameters}
    expected = {**_grouped(base.parameters), **declared}
    found = _grouped(made.parameters)
    for name in sorted(expected.keys() | found.keys()):
        if not _alike(expected.get(name, ()), found.get(name, ())):
            yield f"{name} is {_words(found.get(name))}, not {_words(expected.get(name))}"
    if made.system != (base.system if recipe.system is None else recipe.system):
        yield "its system text differs"
    if made.template != (base.template if recipe.template is None else recipe.template):
        yield "its template differs"


def shown_values(value: OptionValue) -> Values:
    """A parameter as `/api/show` lists it: a line for each item of a list."""
    if isinstance(value, tuple | list):
        return tuple(str(item) for item in value)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, Values]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        groups[name].append(value)
    return {name: tuple(values) for name, values in groups.items()}


def _alike(one: Values, other: Values) -> bool:
    """Equal as the server reads them: numbers by value (`0.70` is `0.7`), lists in any order (its is random)."""
    return sorted(map(_read, one), key=str) == sorted(map(_read, other), key=str)


def _read(text: str) -> float | str:
    try:
        value = float(text)
    except ValueError:
        return text
    # `nan` is a word that somebody stops at: as a number it would not even equal itself.
    return value if math.isfinite(value) and "_" not in text else text


def _words(values: Values | None) -> str:
    return "not set" if not values else " and ".join(values) if len(values) > 1 else values[0]
