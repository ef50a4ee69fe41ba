"""How a policy, strategy or discipline is written down: a name, and parameters in brackets: `gdsf(cost=load)`.

    spec       = name [ "(" [ parameter { "," parameter } ] ")" ]
    parameter  = key "=" value
    value      = spec | any characters with balanced brackets, no comma outside of them

So a value may be a spec itself: `unload(policy=lrfu(decay=0.1))`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from toolkit.config.durations import parse_duration_ns
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_SHAPE: Final = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spec:
    """A name and its parameters, in the order in which they were written. `text` is the spelling that reports show."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """`name`, or `name(key=value, …)`."""
        inside = ", ".join(f"{key}={value}" for key, value in self.parameters)
        return f"{self.name}({inside})" if inside else self.name


def parse_spec(text: str) -> Spec:
    """Read `name` or `name(key=value, key=value)`.

    Raises:
        UsageError: another shape, or a parameter given twice.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None or not is_balanced(shape[2] or ""):
        raise UsageError(f"found {text.strip()!r}; write a name, or a name with parameters as in gdsf(cost=load)")
    parameters: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in split_outside(shape[2] or "", ","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise UsageError(f"found {part!r} in {text.strip()!r}; parameters are written key=value")
        if key in parameters:
            raise UsageError(f"{text.strip()!r} gives {key} twice; give it once")
        parameters[key] = value
    return Spec(shape[1], tuple(parameters.items()))


def split_specs(text: str) -> tuple[Spec, ...]:
    """Read a list: `lru, gdsf(cost=load), opt`. Commas within brackets belong to a spec. Raises UsageError."""
    return tuple(parse_spec(part) for part in split_outside(text, ",") if part.strip())


def is_balanced(text: str) -> bool:
    """Whether each bracket that opens is closed, and none closes that was not open."""
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def split_outside(text: str, separator: str) -> Iterator[str]:
    """The parts between separators (one character) that stand outside of brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == separator and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


class Named(Protocol):
    """An entry of a registry."""

    @property
    def name(self) -> str:
        """What a spec calls it."""
        ...


_Entry = TypeVar("_Entry", bound=Named)


def entry_of(spec: Spec, entries: Sequence[_Entry], kind: str, kinds: str) -> _Entry:
    """The entry that a spec names; `kind` and `kinds` are what one, and several of them are called.

    Raises:
        UsageError: there is none of this name; the message has the nearest name, and all.
    """
    for entry in entries:
        if entry.name == spec.name:
            return entry
    names = [entry.name for entry in entries]
    near = get_close_matches(spec.name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"there is no {kind} {spec.name!r}.{hint} The {kinds} are {', '.join(names)}")


class Parameters:
    """Takes a spec's parameters one by one, each checked; `finish` refuses what nobody asked for."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._left = dict(spec.parameters)
        self._known: list[str] = []

    def whole(self, key: str, default: int, least: int = 1) -> int:
        """A whole number, at least `least`."""
        text = self._take(key)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) < least:
            raise self._wrong(key, text, f"a whole number, at least {least}")
        return int(text)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number above `low`, at most `high`."""
        text = self._take(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low < value <= high:
            raise self._wrong(key, text, f"a number above {low:g}, at most {high:g}")
        return value

    def choice(self, key: str, default: str, allowed: Collection[str]) -> str:
        """One of some words."""
        text = self._take(key)
        if text is None:
            return default
        if text not in allowed:
            raise self._wrong(key, text, f"one of {', '.join(allowed)}")
        return text

    def duration_ns(self, key: str, default_ns: int) -> int:
        """A duration as in the config: `30s`, `5m`."""
        text = self._take(key)
        if text is None:
            return default_ns
        try:
            return parse_duration_ns(text)
        except ValueError as error:
            raise self._wrong(key, text, "a duration such as 30s or 5m") from error

    def span_ns(self, key: str, default_ns: int) -> int:
        """A duration that is not negative."""
        text = dict(self._spec.parameters).get(key, "")
        span_ns = self.duration_ns(key, default_ns)
        if span_ns < 0:
            raise self._wrong(key, text, "a duration of 0 or more, such as 30s or 5m")
        return span_ns

    def text(self, key: str, default: str) -> str:
        """Any words."""
        text = self._take(key)
        return default if text is None else text

    def finish(self) -> None:
        """Raise UsageError if a parameter is left that nobody asked for."""
        for key in self._left:
            near = get_close_matches(key, self._known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            known = ", ".join(self._known) or "none"
            raise UsageError(f"{self._spec.name} has no parameter {key!r}{hint} It has {known}")

    def _take(self, key: str) -> str | None:
        self._known.append(key)
        return self._left.pop(key, None)

    def _wrong(self, key: str, text: str, allowed: str) -> UsageError:
        return UsageError(f"{self._spec.name}: {key} is {text!r}; give {allowed}")
