"""Go's types that hold no others, and how a JSON value is put into each; see `gotypes`."""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from typing import TYPE_CHECKING, Any

from toolkit.host.app.gojson import RawJson, dumps
from toolkit.host.app.goscan import GoJsonError, Number
from toolkit.host.app.gotypes import GoType, TypeMismatchError, describe, is_object, items_of, plain

if TYPE_CHECKING:
    from toolkit.host.app.gotypes import Reading

_MAX_INT64 = (1 << 63) - 1


class GoString(GoType):
    """`string`."""

    name = "string"
    zero = ""

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """A string, nothing else."""
        if isinstance(value, str) and not isinstance(value, Number):
            return value
        if value is not None:
            reading.mismatch(describe(value), self.name)
        return old


class GoBool(GoType):
    """`bool`; as a pointer its zero is None."""

    name = "bool"

    def __init__(self, zero: bool | None = False) -> None:
        self.zero = zero

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """A bool; null empties a pointer."""
        if isinstance(value, bool):
            return value
        if value is None:
            return None if self.zero is None else old
        reading.mismatch(describe(value), self.name)
        return old


class GoInt(GoType):
    """`int`; 64 bits, no fraction and no exponent in the literal."""

    name = "int"

    def __init__(self, zero: int | None = 0) -> None:
        self.zero = zero

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """A whole number, written without a point."""
        if value is None:
            return None if self.zero is None else old
        if isinstance(value, Number):
            try:
                number = int(value)
            except ValueError:
                number = _MAX_INT64 + 1
            if -_MAX_INT64 - 1 <= number <= _MAX_INT64:
                return number
            reading.mismatch(f"number {value}", self.name)
            return old
        if isinstance(value, int) and not isinstance(value, bool) and -_MAX_INT64 <= value <= _MAX_INT64:
            return value
        reading.mismatch(describe(value), self.name)
        return old


class GoFloat(GoType):
    """`float64` or `float32`."""

    def __init__(self, bits: int = 64, zero: float | None = 0.0) -> None:
        self.name, self._bits, self.zero = f"float{bits}", bits, zero

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """A number within the type's range."""
        if value is None:
            return None if self.zero is None else old
        if isinstance(value, bool) or not isinstance(value, (Number, int, float)):
            reading.mismatch(describe(value), self.name)
            return old
        number = float(value)
        if self._bits == 32:  # noqa: PLR2004 - a float32 has 32 bits
            try:
                number = struct.unpack("f", struct.pack("f", number))[0]
            except OverflowError:
                number = math.inf
        if math.isinf(number):
            reading.mismatch(f"number {value}", self.name)
            return old
        return number


class GoBytes(GoType):
    """A `[]byte` type, base64 in JSON."""

    zero = b""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """Standard base64 with padding; line ends are skipped."""
        if value is None:
            return None
        if not isinstance(value, str) or isinstance(value, Number):
            reading.mismatch(describe(value), self.name)
            return old
        text = value.replace("\r", "").replace("\n", "")
        try:
            return base64.b64decode(text.encode("utf-8"), validate=True)
        except binascii.Error:
            reading.keep(GoJsonError(f"illegal base64 data at input byte {bad_base64_offset(value)}"))
            return old


def bad_base64_offset(text: str) -> int:
    """Where Go's strict decoder gives up: the first byte that cannot stand there, or the end of a cut quantum."""
    data = text.encode("utf-8")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    in_quantum = 0
    for at, byte in enumerate(data):
        if byte in b"\r\n":
            continue
        if byte in alphabet:
            in_quantum = (in_quantum + 1) % 4
            continue
        if byte != ord("=") or in_quantum < 2:  # noqa: PLR2004 - padding may stand third or fourth
            return at
        rest = data[at + 1 :].lstrip(b"\r\n")
        if in_quantum == 2 and not rest.startswith(b"="):  # noqa: PLR2004 - a second padding must follow
            return at + 1 if rest else len(data)
        return at + (2 if in_quantum == 2 else 1)  # noqa: PLR2004 - garbage after the padding
    return len(data) - in_quantum


class GoAny(GoType):
    """`any`."""

    name = "interface {}"

    def read(self, value: Any, old: Any, reading: Reading) -> Any:
        """Whatever stands there."""
        try:
            return plain(value)
        except TypeMismatchError as fault:
            reading.mismatch(fault.value, fault.go_type)
            return old


class GoRaw(GoType):
    """`json.RawMessage`: the value as JSON text, compact."""

    name = "json.RawMessage"

    def read(self, value: Any, old: Any, reading: Reading) -> Any:  # noqa: ARG002 - any value fits
        """The value's text; null included."""
        return RawJson(_raw_text(value))


def _raw_text(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(_raw_text(item) for item in value) + "]"
    if is_object(value):
        return "{" + ",".join(f"{dumps(key)}:{_raw_text(item)}" for key, item in items_of(value)) + "}"
    return json.dumps(value, ensure_ascii=False)
