"""Validation errors as sentences: key path, what was found, what is allowed, the nearest valid word.

llm.cache.type: found 'rom'; allowed: ram, ssd, none; did you mean 'ram'?
llm.cach: unknown key; did you mean 'cache'? allowed here: provider, base_url, models, cache, routing
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from toolkit.config.schema import Place, allowed_keys, locate, paths_of_key
from toolkit.config.yaml_source import Problem
from toolkit.config.yaml_tree import child

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from toolkit.config.yaml_tree import KeyPath, Node

_SHOWN_LENGTH = 60
_SHOWN_KEYS = 6
_GLUED_KEY = re.compile(r"\w+:\S")
_PLAIN_KEY = re.compile(r"[^\s.\[\]'\"]+")

_KINDS = {
    "string": "text (in quotes, if it looks like a number)",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "model": "a mapping (keys with values)",
    "dict": "a mapping (keys with values)",
    "mapping": "a mapping (keys with values)",
    "finite": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def explain(error: ValidationError, model: type[BaseModel], root: Node) -> tuple[Problem, ...]:
    """One problem for each mistake in the file, in file order; `model` and `root` are those of the whole file."""
    located = [(locate(model, tuple(detail["loc"])), detail) for detail in error.errors(include_url=False)]
    return tuple(sorted({_problem(place, details, model, root) for place, details in _without_repeated_arms(located)}))


def format_key_path(path: KeyPath) -> str:
    """`llm.routing.rules[0].pattern`; a key with dots or blanks is quoted in brackets. Empty for the whole file."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def line_near(root: Node, path: KeyPath) -> int:
    """The line of a value, or of the innermost value around it that the file has."""
    node, line = root, root.line
    for step in path:
        below = child(node, step)
        if below is None:
            break
        line, node = below
    return line


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that `word` was probably meant to be."""
    by_lower = {each.lower(): each for each in allowed}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def describe(value: object) -> str:
    """What was found, in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN_LENGTH else value[: _SHOWN_LENGTH - 1] + "…")
    if isinstance(value, dict):
        keys = ", ".join(str(key) for key in list(value)[:_SHOWN_KEYS])
        return f"a mapping with {keys}{', …' if len(value) > _SHOWN_KEYS else ''}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    return str(value)


def _without_repeated_arms(
    located: Sequence[tuple[Place, ErrorDetails]],
) -> Iterable[tuple[Place, list[ErrorDetails]]]:
    """A union reports what each of its alternatives lacks; keep the alternative that was meant."""
    unions: dict[KeyPath, dict[str, list[tuple[Place, ErrorDetails]]]] = defaultdict(lambda: defaultdict(list))
    for place, detail in located:
        if place.union is None or place.arm is None:
            yield place, [detail]
        else:
            unions[place.union][place.arm].append((place, detail))
    for path, arms in unions.items():
        meant = [found for found in arms.values() if not (len(found) == 1 and _is_type_mismatch(path, *found[0]))]
        if meant:
            yield from ((place, [detail]) for place, detail in min(meant, key=len))
        else:
            firsts = [found[0] for found in arms.values()]
            yield firsts[0][0], [detail for _, detail in firsts]


def _is_type_mismatch(union: KeyPath, place: Place, detail: ErrorDetails) -> bool:
    return place.path == union and detail["type"].endswith(("_type", "_parsing"))


def _problem(place: Place, details: list[ErrorDetails], model: type[BaseModel], root: Node) -> Problem:
    detail, path = details[0], place.path
    context: dict[str, Any] = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "wrong_key":
        path = (*path, str(context["key"]))
    elif kind.startswith("union_tag"):
        path = (*path, str(context["discriminator"]).strip("'"))
    line = line_near(root, path)
    if kind == "missing":
        where = format_key_path(path[:-1])
        text = f"the key '{path[-1]}' is missing"
        return Problem(line, f"{where}: {text}" if where else text)
    if kind == "extra_forbidden":
        text = _unknown_key(place, model)
    elif kind in {"wrong_key", "own_words"}:
        text = str(context["text"])
    else:
        text = _wrong_value(details)
    shown = format_key_path(path)
    return Problem(line, f"{shown}: {text}" if shown else text)


def _unknown_key(place: Place, model: type[BaseModel]) -> str:
    key = str(place.path[-1])
    allowed = allowed_keys(place.owner) if place.owner is not None else ()
    close = nearest(key, allowed)
    elsewhere = paths_of_key(model, key)
    if close is not None:
        hint = f"did you mean '{close}'? "
    elif elsewhere:
        hint = f"it belongs in {' or '.join(elsewhere[:2])}; "
    else:
        hint = ""
    return f"unknown key; {hint}allowed here: {', '.join(allowed)}"


def _wrong_value(details: list[ErrorDetails]) -> str:
    detail = details[0]
    context: dict[str, Any] = detail.get("ctx", {})
    found = describe(detail["input"])
    kind = detail["type"]
    if kind == "value_error":
        whole = isinstance(detail["input"], dict)
        return str(context["error"]) if whole else f"found {found}; {context['error']}"
    if kind == "literal_error":
        return _choice(found, detail["input"], re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]])
    if kind == "union_tag_invalid":
        return _choice(repr(context["tag"]), context["tag"], re.findall(r"'([^']*)'", context["expected_tags"]))
    if kind == "union_tag_not_found":
        return "the key is missing, and says which kind this is"
    allowed = " or ".join(dict.fromkeys(_allowed(each) for each in details))
    glued = kind in {"model_type", "mapping_type", "dict_type"} and _GLUED_KEY.match(str(detail["input"]))
    return f"found {found}; allowed: {allowed}{'; a blank is missing after the colon' if glued else ''}"


def _choice(found: str, value: object, allowed: Sequence[str]) -> str:
    close = nearest(value, allowed) if isinstance(value, str) else None
    hint = f"; did you mean '{close}'?" if close is not None else ""
    return f"found {found}; allowed: {', '.join(allowed)}{hint}"


def _allowed(detail: ErrorDetails) -> str:
    """What would have been right, for the errors that pydantic finds by itself."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{words} {context[key]:g}"
    if kind in {"too_short", "string_too_short"}:
        return f"at least {context['min_length']} of them" if kind == "too_short" else "some text"
    if kind in {"too_long", "string_too_long"}:
        return f"at most {context['max_length']}"
    if kind == "string_pattern_mismatch":
        return f"text like {context['pattern']}"
    word = kind.partition("_")[0]
    return _KINDS.get(word, detail["msg"][:1].lower() + detail["msg"][1:])
