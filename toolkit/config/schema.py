"""From where pydantic saw an error to where it stands in the file.

Pydantic's location of an error also names the arms of unions it tried; the file knows nothing of those. Walking the
model's annotations along the location tells the two apart, and finds the mapping whose keys are allowed there.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.config.yaml_tree import KeyPath


@dataclass(frozen=True, slots=True)
class Place:
    """A value in the file, as the model sees it.

    `owner` is the model whose key the last step of `path` is (None if it is not a model's). `union` is where the
    first union on the way stands, `arm` what pydantic calls the alternative it tried there.
    """

    path: KeyPath
    owner: type[BaseModel] | None
    union: KeyPath | None
    arm: str | None


def locate(model: type[BaseModel], location: tuple[str | int, ...]) -> Place:
    """Where an error's location lies in the file; `model` is that of the whole file."""
    annotation: Any = model
    path: list[str | int] = []
    owner: type[BaseModel] | None = None
    union: KeyPath | None = None
    arm: str | None = None
    for step in location:
        alternatives = _alternatives(annotation)
        if len(alternatives) > 1:
            if union is None:
                union, arm = tuple(path), str(step)
            annotation = next((each for each in alternatives if _answers_to(each, str(step))), Any)
            continue
        if step == "[key]":  # pydantic's word for "the key, not the value"
            continue
        path.append(step)
        owner, annotation = _descend(alternatives[0], step)
    return Place(tuple(path), owner, union, arm)


def allowed_keys(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys a mapping may have, as they are written in the file."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def paths_of_key(model: type[BaseModel], key: str) -> tuple[str, ...]:
    """Every section of a file's model where `key` may stand, as dotted paths; lists show as `[]`."""
    return tuple(sorted(set(_find_key(model, key, "", ()))))


def _find_key(annotation: Any, key: str, prefix: str, seen: tuple[type, ...]) -> Iterator[str]:
    for each in _alternatives(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel):
            if each in seen:
                continue
            for name, field in each.model_fields.items():
                shown = field.alias or name
                if shown == key:
                    yield prefix or "the top level"
                yield from _find_key(field.annotation, key, f"{prefix}.{shown}".lstrip("."), (*seen, each))
        elif get_origin(each) in {tuple, list, Sequence}:
            yield from _find_key(get_args(each)[0], key, f"{prefix}[]", seen)
        elif get_origin(each) in {dict, Mapping}:
            yield from _find_key(get_args(each)[1], key, f"{prefix}.*", seen)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The arms of a union without None; one arm for everything else."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in {Union, types.UnionType}:
        arms = tuple(arm for arm in get_args(annotation) if arm is not type(None))
        return _alternatives(arms[0]) if len(arms) == 1 else arms
    return (annotation,)


def _answers_to(arm: Any, tag: str) -> bool:
    """Whether pydantic would call this alternative `tag`: by its type's name, or by a literal field's value."""
    bare = arm
    while get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        literals = [
            value
            for field in bare.model_fields.values()
            if get_origin(field.annotation) is Literal
            for value in get_args(field.annotation)
        ]
        return tag in literals or bare.__name__ in tag
    return getattr(bare, "__name__", str(bare)) in tag


def _descend(annotation: Any, step: str | int) -> tuple[type[BaseModel] | None, Any]:
    """The model that has `step` as a key (if it is one), and the annotation of the value there."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if step in {field.alias, name}:
                return annotation, field.annotation
        return annotation, Any
    arguments = get_args(annotation)
    if get_origin(annotation) in {dict, Mapping}:
        return None, arguments[1]
    if get_origin(annotation) in {tuple, list, Sequence} and arguments:
        fixed = isinstance(step, int) and ... not in arguments and step < len(arguments)
        return None, arguments[int(step)] if fixed else arguments[0]
    return None, Any
