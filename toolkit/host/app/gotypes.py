"""Go's types as far as request bodies use them, and how a JSON value is put into each; those of one value: `goscalars`.

Rules of encoding/json that a client can see: keys match without case (an exact match first), `null` leaves a field
alone, a value of the wrong type is remembered and the rest still read (the first such fault is reported in the end),
a fault inside a custom type ends the reading at once. The message names the innermost struct and the whole path:
`json: cannot unmarshal number into Go struct field Message.messages.role of type string`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.goscan import GoJsonError, NotPlainError, Number, Pairs, read_exact, read_fast

if TYPE_CHECKING:
    from collections.abc import Callable


class TypeMismatchError(GoJsonError):
    """A value does not fit its field; `struct` and `path` are filled in by whoever knows them."""

    def __init__(self, value: str, go_type: str, struct_name: str, path: tuple[str, ...]) -> None:
        super().__init__(value, go_type, struct_name, path)
        self.value, self.go_type, self.struct_name, self.path = value, go_type, struct_name, path

    def __str__(self) -> str:
        if self.struct_name or self.path:
            place = f"Go struct field {self.struct_name}.{'.'.join(self.path)} of type {self.go_type}"
        else:
            place = f"Go value of type {self.go_type}"
        return f"json: cannot unmarshal {self.value} into {place}"


@dataclass(slots=True)
class Reading:
    """One decoding under way: where it is, and the first fault that did not end it."""

    struct_name: str = ""
    path: tuple[str, ...] = ()
    fault: GoJsonError | None = None

    def mismatch(self, value: str, go_type: str) -> None:
        """Note that a value is not of its type, unless there was a fault before."""
        if self.fault is None:
            self.fault = TypeMismatchError(value, go_type, self.struct_name, self.path)

    def keep(self, fault: GoJsonError) -> None:
        """Note a fault, unless there was one before."""
        if self.fault is None:
            self.fault = fault


class GoType(ABC):
    """A type that can be filled from JSON. `zero` is what a field holds that was not given."""

    name: str
    zero: Any = None

    @abstractmethod
    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """Put `value` in place of `old` and return what the field then holds."""


def describe(value: Any) -> str:
    """What Go calls a JSON value in a mismatch."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (Number, int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_object(value: Any) -> bool:
    """Whether it is a JSON object, from either scanner."""
    return isinstance(value, (dict, Pairs))


def items_of(value: Any) -> list[tuple[str, Any]]:
    """The pairs of a JSON object."""
    return list(value.items()) if isinstance(value, dict) else list(value)


def plain(value: Any) -> Any:
    """What Go's `any` holds: objects as dicts (last key wins), numbers as float64.

    Raises:
        TypeMismatchError: a number beyond float64.
    """
    if isinstance(value, Number):
        number = float(value)
        if math.isinf(number):
            raise TypeMismatchError(f"number {value}", "float64", "", ())
        return number
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isinf(value):
            raise NotPlainError  # beyond float64: the message needs the literal
        return float(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if is_object(value):
        return {key: plain(item) for key, item in items_of(value)}
    return value


class GoSlice(GoType):
    """A slice; null empties it."""

    def __init__(self, element: GoType, name: str) -> None:
        self._element, self.name = element, name

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """An array, element by element."""
        if value is None:
            return None
        if not isinstance(value, list):
            reading.mismatch(describe(value), self.name)
            return old
        element = self._element
        return [element.read(item, element.zero, reading) for item in value]


class GoMap(GoType):
    """A map with string keys; null empties it."""

    def __init__(self, element: GoType, name: str) -> None:
        self._element, self.name = element, name

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """An object, entry by entry."""
        if value is None:
            return None
        if not is_object(value):
            reading.mismatch(describe(value), self.name)
            return old
        element = self._element
        found: dict[str, Any] = dict(old or {})
        for key, item in items_of(value):
            found[key] = element.read(item, element.zero, reading)
        return found


class GoStruct(GoType):
    """A struct: a dict with one entry for each field. As a pointer its zero is None."""

    def __init__(self, name: str, fields: dict[str, GoType], *, pointer: bool = False) -> None:
        self.name = name
        self._short = name.rpartition(".")[2]
        self._fields = fields
        self._folded = {key.casefold(): key for key in reversed(fields)}
        self._pointer = pointer

    @property
    def zero(self) -> Any:
        """Every field at its zero."""
        return None if self._pointer else {key: item.zero for key, item in self._fields.items()}

    def fresh(self) -> dict[str, Any]:
        """A struct with every field at its zero, pointer or not."""
        return {key: item.zero for key, item in self._fields.items()}

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """An object; keys that are no field are skipped."""
        if value is None:
            return None if self._pointer else old
        if not is_object(value):
            reading.mismatch(describe(value), self.name)
            return old
        found: dict[str, Any] = self.fresh() if old is None else old
        outer = (reading.struct_name, reading.path)
        for key, item in items_of(value):
            target = key if key in self._fields else self._folded.get(key.casefold())
            if target is None:
                continue
            reading.struct_name, reading.path = self._short, (*outer[1], target)
            found[target] = self._fields[target].read(item, found[target], reading)
            reading.struct_name, reading.path = outer
        return found


@dataclass(slots=True)
class GoCustom(GoType):
    """A type with its own UnmarshalJSON: `parse` gets the JSON value and raises Go's error.

    `takes_null` says whether null reaches it, as for values that are no pointers.
    """

    name: str
    parse: Callable[[Any], Any]
    zero: Any = None
    takes_null: bool = False
    fresh: Callable[[], Any] | None = field(default=None)

    def read(self, value: Any, old: Any, reading: Reading) -> Any:  # noqa: ARG002 - as every type
        """Parse; a fault ends the whole reading, and a mismatch learns the outer path."""
        if value is None and not self.takes_null:
            return None
        try:
            return self.parse(value)
        except TypeMismatchError as fault:
            if reading.struct_name or reading.path:
                fault = TypeMismatchError(fault.value, fault.go_type, reading.struct_name, (*reading.path, *fault.path))
            raise fault from None


def read_into(go_type: GoType, value: Any) -> Any:
    """Fill a `go_type` from a JSON value.

    Raises:
        GoJsonError: the first fault, in Go's words.
    """
    reading = Reading()
    found = go_type.read(value, go_type.zero, reading)
    if reading.fault is not None:
        raise reading.fault
    return found


def decode(go_type: GoType, body: bytes) -> Any:
    """Read the first JSON value of a body into a `go_type`.

    Raises:
        EmptyBodyError: there is no value.
        GoJsonError: a syntax error or a value that does not fit, in Go's words.
    """
    try:
        return read_into(go_type, read_fast(body))
    except (NotPlainError, GoJsonError):
        return read_into(go_type, read_exact(body))
