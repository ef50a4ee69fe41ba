"""Fields of bodies that are of one type or of several, each with its check, its JSON schema and its sentence."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from toolkit.gateway.repeats import SHAPE_OF_KEY, is_request_key
from toolkit.gateway.sessions.records import OWN_ID, SHAPE_OF_ID
from toolkit.ollama.keep_alive import KeepAliveError, parse_keep_alive

_DURATION: Final = r"^[-+]?(0|([0-9]{1,9}(\.[0-9]{0,9})?(ns|us|µs|ms|s|m))+)$"
"""What OpenAPI says a duration looks like. Hours, and more digits, are read as well; this is what surely fits."""
_LEVELS: Final = ("high", "medium", "low", "max")


class Shape(BaseModel):
    """A body, or an object in one.

    Types are exact as in Ollama's own API; null is as good as absent; what is not named here is passed on as it is.
    """

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)


def checked(schema: dict[str, Any], words: str, holds: Callable[[Any], bool]) -> Any:
    """A type for what one of Python's types does not say."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(words)
        return value

    return Annotated[Any, AfterValidator(check), WithJsonSchema(schema)]


def _is_keep_alive(value: Any) -> bool:
    try:
        parse_keep_alive(value)
    except KeepAliveError:
        return False
    return True


def _is_text_or_texts(value: Any) -> bool:
    return value is None or isinstance(value, str) or is_texts(value)


def is_texts(value: Any) -> bool:
    """Whether it is a list of texts."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_NULL: Final[dict[str, Any]] = {"type": "null"}
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_TEXTS: Final[dict[str, Any]] = {"type": "array", "items": _TEXT}
_OBJECT: Final[dict[str, Any]] = {"type": "object"}

KeepAlive = checked(
    {"anyOf": [{"type": "string", "pattern": _DURATION}, {"type": "number"}, _NULL]},
    "a number of seconds, or a duration such as 30m",
    _is_keep_alive,
)
Think = checked(
    {"anyOf": [{"type": "boolean"}, {"enum": list(_LEVELS)}, _NULL]},
    f"true, false, or one of {', '.join(_LEVELS)}",
    lambda value: value is None or isinstance(value, bool) or value in _LEVELS,
)
Format = checked(
    {"anyOf": [{"const": "json"}, _OBJECT, _NULL]},
    '"json", or a JSON schema',
    lambda value: value is None or value in ("json", "") or isinstance(value, dict),
)
TextOrTexts = checked({"anyOf": [_TEXT, _TEXTS, _NULL]}, "a text, or a list of texts", _is_text_or_texts)
Input = checked(
    {"anyOf": [_TEXT, _TEXTS]},
    "a text, or a list of texts",
    lambda value: value is not None and _is_text_or_texts(value),
)
ModelName = Annotated[str | None, Field(description="The model; absent, empty or `auto`: chosen by the message.")]
Session = checked(
    {
        "anyOf": [{"type": "string", "pattern": f"^{OWN_ID}$"}, _NULL],
        "description": "Names the conversation: the model is given its history, and what is said is stored.",
    },
    SHAPE_OF_ID,
    lambda value: value is None or (isinstance(value, str) and re.fullmatch(OWN_ID, value) is not None),
)
RequestKey = checked(
    {
        "anyOf": [{"type": "string", "pattern": "^[!-~]{1,255}$"}, _NULL],
        "description": "The client's own name of the request, as the header Idempotency-Key; needs a session.",
    },
    f"a text of {SHAPE_OF_KEY}",
    lambda value: value is None or is_request_key(value),
)
OneChoice = checked(
    {"anyOf": [{"const": 1}, {"type": "null"}]}, "one choice a request is possible", lambda value: value in (None, 1)
)
Whole = Annotated[int | None, Field(ge=-(1 << 63), lt=1 << 63)]
