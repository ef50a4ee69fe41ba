"""JSON from a host, read strictly: the fields that are used have their types, the others are not looked at."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

NS_PER_S = 1_000_000_000

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_GO_ZERO_TIME = "0001-01-01T00:00:00"  # what Go writes for a time that was never set
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class WrongJsonError(ValueError):
    """Bytes that are not JSON, or JSON that is not what the API promises; the message is half a sentence."""


def load_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        WrongJsonError: not UTF-8, not JSON, nested beyond reason, or not an object.
    """
    try:
        value = _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise WrongJsonError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise WrongJsonError("it is nested too deeply") from None
    except ValueError as error:
        raise WrongJsonError(str(error)) from None
    if not isinstance(value, dict):
        raise WrongJsonError(f"a JSON {_kind(value)} stands where an object belongs")
    return value


def text_field(record: Mapping[str, Any], key: str, default: str = "") -> str:
    """A text; absent and null give the default. Half surrogate pairs become U+FFFD, so that it can be written."""
    value = record.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _wrong(key, value, "a text")
    return value if value.isascii() else _without_lone_surrogates(value)


def flag_field(record: Mapping[str, Any], key: str) -> bool:
    """A boolean; absent is False."""
    value = record.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(key, value, "true or false")
    return value


def count_field(record: Mapping[str, Any], key: str) -> int | None:
    """A whole number, not negative; None if absent or null."""
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(key, value, "a whole number, not negative")
    return value


def object_field(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object; absent and null give an empty one."""
    value = record.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(key, value, "an object")
    return value


def objects_field(record: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; absent and null give an empty one."""
    value = _list(record, key)
    for item in value or ():
        if not isinstance(item, dict):
            raise _wrong(key, item, "a list of objects")
    return value or []


def texts_field(record: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """A list of texts; None if absent or null."""
    value = _list(record, key)
    if value is None:
        return None
    for item in value:
        if not isinstance(item, str):
            raise _wrong(key, item, "a list of texts")
    return tuple(value)


def counts_field(record: Mapping[str, Any], key: str) -> tuple[int, ...] | None:
    """A list of whole numbers; None if absent or null."""
    value = _list(record, key)
    if value is None:
        return None
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int):
            raise _wrong(key, item, "a list of whole numbers")
    return tuple(value)


def time_field(record: Mapping[str, Any], key: str) -> int | None:
    """A time as Go writes it, exact, as Unix time in nanoseconds; None if absent, null, empty or Go's zero time."""
    text = text_field(record, key)
    if not text or text.startswith(_GO_ZERO_TIME):
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise _wrong(key, text, "a time like 2026-11-22T20:48:51.84489769Z")
    try:
        moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    except ValueError:
        raise _wrong(key, text, "a time that exists") from None
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + int((match[2] or "").ljust(9, "0"))


def _list(record: Mapping[str, Any], key: str) -> list[Any] | None:
    value = record.get(key)
    if value is not None and not isinstance(value, list):
        raise _wrong(key, value, "a list")
    return value


def _without_lone_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _wrong(key: str, value: Any, wanted: str) -> WrongJsonError:
    return WrongJsonError(f"the field {key!r} holds a JSON {_kind(value)} where {wanted} belongs")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "list", str: "text", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "value")


def _refuse_constant(name: str) -> NoReturn:
    raise WrongJsonError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
"""`json.loads` makes one each time."""
