"""Bodies that surely fit their shape, told by the types of their values alone. Pure.

Nearly all bodies do: a few fields, each a text, a number, an object or a list of messages. The validator, which has a
sentence for whatever does not fit, need not look at them.
"""

from __future__ import annotations

import types
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

from toolkit.gateway.api.fields import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

_SCALARS: Final = {str: (str,), bool: (bool,), int: (int,), float: (float, int), type(None): (type(None),)}
"""By the type of a field, the types of values that it takes as they are."""
_LARGEST: Final = 1 << 63
"""Numbers beyond are the validator's: some of them are none of those that a field of numbers takes."""
_UNIONS: Final = (Union, types.UnionType)


def surely_fits(given: Mapping[str, Any], shape: type[Shape]) -> bool:
    """Whether the validator would find nothing; False: it has to look."""
    rules = _rules(shape)
    if rules is None:
        return False
    for name, value in given.items():
        rule = rules.get(name)
        if rule is None:
            continue  # not of the shape, which takes what it does not name
        accepted, inner = rule
        kind = type(value)
        if kind not in accepted or (kind is int and not -_LARGEST < value < _LARGEST):
            return False
        if inner is not None:
            rows = value if kind is list else [value] if kind is dict else ()
            for row in rows:
                if type(row) is not dict or not surely_fits(row, inner):
                    return False
    return True


_Rule = tuple[frozenset[type], type[Shape] | None]


@cache
def _rules(shape: type[Shape]) -> dict[str, _Rule] | None:
    """What each field takes as it is, and the shape of what is in it; None if fields have to be given."""
    fields = shape.model_fields
    if any(info.is_required() for info in fields.values()):
        return None
    return {name: _rule(info) for name, info in fields.items()}


def _rule(info: FieldInfo) -> _Rule:
    if info.metadata:  # a limit, or a check of ours
        return frozenset(), None
    accepted: list[type] = []
    inner: type[Shape] | None = None
    for each in get_args(info.annotation) if get_origin(info.annotation) in _UNIONS else (info.annotation,):
        if each in _SCALARS:
            accepted += _SCALARS[each]
        elif get_origin(each) is dict:
            accepted.append(dict)
        elif isinstance(each, type) and issubclass(each, Shape):
            accepted.append(dict)
            inner = each
        elif get_origin(each) is list and isinstance(get_args(each)[0], type) and issubclass(get_args(each)[0], Shape):
            accepted.append(list)
            inner = get_args(each)[0]
    return frozenset(accepted), inner
