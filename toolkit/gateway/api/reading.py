"""Bodies as they are read: strict JSON, checked against a shape, and given back as a plain dict. Pure.

Names of fields count without case at Ollama's server, and the last of several wins. So a field that the gateway decides
by must not come a second time in other letters: what is the shape's own is read under the shape's own name.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pydantic import ValidationError

from toolkit.gateway.api.plainly import surely_fits
from toolkit.gateway.refusal import Refusal, Why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from toolkit.gateway.api.fields import Shape

MOST_DEPTH: Final = 64
"""How deep a body may be nested; the deepest that clients mean to send are JSON schemas."""
_WORDS: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "string_too_short": "a text that is not empty",
    "too_short": "a list that is not empty",
    "missing": "must be given",
}


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises Refusal if it is none, holds what no JSON has, or is too deep."""
    if not body.strip():
        raise Refusal(Why.BAD_REQUEST, "missing request body")
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except RecursionError:
        raise Refusal(Why.BAD_REQUEST, f"the body is nested deeper than {MOST_DEPTH} levels") from None
    except UnicodeDecodeError:
        raise Refusal(Why.BAD_REQUEST, "the body is not JSON: it is not UTF-8") from None
    except _NotFiniteError as error:
        raise Refusal(Why.BAD_REQUEST, f"the body is not JSON: {error}") from None
    except ValueError:
        raise Refusal(Why.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise Refusal(Why.BAD_REQUEST, "the body is not a JSON object")
    if body.count(b"{") + body.count(b"[") > MOST_DEPTH and _is_deeper(value, MOST_DEPTH):
        raise Refusal(Why.BAD_REQUEST, f"the body is nested deeper than {MOST_DEPTH} levels")
    return value


def read_shape(body: bytes, shape: type[Shape]) -> dict[str, Any]:
    """The body of a request, all its fields, checked. Raises Refusal with one sentence for what does not fit."""
    given = _under_own_names(json_object(body), _folded(shape))
    if surely_fits(given, shape):
        return given
    try:
        shape.model_validate(given)
    except ValidationError as error:
        raise Refusal(Why.BAD_REQUEST, _sentence(error.errors(include_url=False, include_input=False)[0])) from None
    return given


def _under_own_names(given: dict[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    if not any(name not in own and name.casefold() in own for name in given):
        return given
    renamed: dict[str, Any] = {}
    for name, value in given.items():
        known = own.get(name.casefold(), name)
        if known in renamed:
            raise Refusal(Why.BAD_REQUEST, f"{known}: given more than once")
        renamed[known] = value
    return renamed


@cache
def _folded(shape: type[Shape]) -> dict[str, str]:
    return {name.casefold(): name for name in shape.model_fields}


def _sentence(error: ErrorDetails) -> str:
    place = ""
    for step in error["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "value_error":
        words = str(context.get("error"))
    elif kind == "literal_error":
        words = f"one of {str(context.get('expected')).replace(chr(39), '').replace(' or ', ', ')}"
    elif kind in {"greater_than_equal", "less_than_equal", "less_than"}:
        words = error["msg"].replace("Input should be", "must be")
    else:
        words = _WORDS.get(kind, error["msg"])
    return f"{place}: {words}"


class _NotFiniteError(ValueError):
    pass


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise _NotFiniteError("a number in it is too large")
    return number


def _no_constant(literal: str) -> NoReturn:
    raise _NotFiniteError(f"{literal} is no number there")


_DECODER: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)


def _is_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
