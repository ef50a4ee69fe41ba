"""The request bodies of the native API, as Go types; a decoded body is a dict with every field.

Source: the documented API of Ollama and the recorded error texts.
"""

from __future__ import annotations

from typing import Any

from toolkit.host.app.gojson import RawJson
from toolkit.host.app.goscalars import GoAny, GoBool, GoBytes, GoInt, GoRaw, GoString
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import (
    GoCustom,
    GoMap,
    GoSlice,
    GoStruct,
    GoType,
    TypeMismatchError,
    describe,
    is_object,
    items_of,
    plain,
    read_into,
)
from toolkit.host.scheduler.keep_alive import KeepAliveError, parse_keep_alive

THINK_LEVELS = ("high", "medium", "low", "max")
STRING = GoString()
BOOL = GoBool()
OPTIONAL_BOOL = GoBool(zero=None)
INT = GoInt()
ANY = GoAny()
RAW = GoRaw()
STRINGS = GoSlice(STRING, "[]string")
INTS = GoSlice(INT, "[]int")
STRING_MAP = GoMap(STRING, "map[string]string")
OBJECT = GoMap(ANY, "map[string]interface {}")
IMAGES = GoSlice(GoBytes("api.ImageData"), "[]api.ImageData")


def _parse_think(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    levels = '"high", "medium", "low", "max", true, or false'
    if describe(value) != "string":
        raise GoJsonError(f"think must be a boolean or string ({levels})")
    if value not in THINK_LEVELS:
        raise GoJsonError(f"invalid think value: {go_quote(value)} (must be {levels})")
    return str(value)


def _parse_keep_alive(value: Any) -> int | None:
    try:
        return parse_keep_alive(plain(value))
    except KeepAliveError as error:
        raise GoJsonError(str(error)) from error


def go_quote(text: str) -> str:
    """A string as Go's %q prints it: printable characters as they are."""
    named = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    out = []
    for char in text:
        if char in {'"', "\\"}:
            out.append("\\" + char)
        elif char in named:
            out.append(named[char])
        elif char.isprintable():
            out.append(char)
        else:
            code = ord(char)
            byte, plane = 0x80, 0x10000
            width = f"\\x{code:02x}" if code < byte else f"\\u{code:04x}" if code < plane else f"\\U{code:08x}"
            out.append(width)
    return '"' + "".join(out) + '"'


def _ordered_object(value: Any) -> list[tuple[str, Any]]:
    """An object that keeps its order. The library behind it has its own words for anything else."""
    if not is_object(value):
        raise GoJsonError("Value looks like object, but can't find closing '}' symbol")
    return items_of(value)


def _parse_arguments(value: Any) -> dict[str, Any]:
    return {key: plain(item) for key, item in _ordered_object(value)}


def _parse_properties(value: Any) -> dict[str, Any]:
    return {key: read_into(TOOL_PROPERTY, item) for key, item in _ordered_object(value)}


def _parse_property_type(value: Any) -> list[str] | None:
    """One name or several; null is none."""
    if describe(value) == "string":
        return [str(value)]
    found: list[str] | None = read_into(STRINGS, value)
    return found


def _parse_message(value: Any) -> dict[str, Any]:
    """A message; its role counts without case."""
    message: dict[str, Any] = read_into(_MESSAGE_FIELDS, value)
    message["role"] = message["role"].lower()
    return message


class _Recursive(GoType):
    """A property may hold properties; the type is found when it is needed."""

    name = "[]api.ToolProperty"

    def read(self, value: Any, old: Any, reading: Any) -> Any:
        """A list of properties."""
        return GoSlice(TOOL_PROPERTY, self.name).read(value, old, reading)


THINK = GoCustom("api.ThinkValue", _parse_think)
KEEP_ALIVE = GoCustom("api.Duration", _parse_keep_alive)
ARGUMENTS = GoCustom("api.ToolCallFunctionArguments", _parse_arguments, takes_null=True)
PROPERTIES = GoCustom("api.ToolPropertiesMap", _parse_properties)
TOOL_PROPERTY = GoStruct(
    "api.ToolProperty",
    {
        "anyOf": _Recursive(),
        "type": GoCustom("api.PropertyType", _parse_property_type),
        "items": ANY,
        "description": STRING,
        "enum": GoSlice(ANY, "[]interface {}"),
        "properties": PROPERTIES,
        "required": STRINGS,
    },
)
TOOL_PARAMETERS = GoStruct(
    "api.ToolFunctionParameters",
    {"type": STRING, "$defs": ANY, "items": ANY, "required": STRINGS, "properties": PROPERTIES},
)
TOOL = GoStruct(
    "api.Tool",
    {
        "type": STRING,
        "items": ANY,
        "function": GoStruct(
            "api.ToolFunction", {"name": STRING, "description": STRING, "parameters": TOOL_PARAMETERS}
        ),
    },
)
TOOL_CALL = GoStruct(
    "api.ToolCall",
    {
        "id": STRING,
        "function": GoStruct("api.ToolCallFunction", {"index": INT, "name": STRING, "arguments": ARGUMENTS}),
    },
)
_MESSAGE_FIELDS = GoStruct(
    "server.Alias",
    {
        "role": STRING,
        "content": STRING,
        "thinking": STRING,
        "images": IMAGES,
        "tool_calls": GoSlice(TOOL_CALL, "[]api.ToolCall"),
        "tool_name": STRING,
        "tool_call_id": STRING,
    },
)
MESSAGE = GoCustom("api.Message", _parse_message, takes_null=True)
MESSAGES = GoSlice(MESSAGE, "[]api.Message")

_ANSWER_FIELDS: dict[str, GoType] = {
    "stream": OPTIONAL_BOOL,
    "format": RAW,
    "keep_alive": KEEP_ALIVE,
    "options": OBJECT,
    "think": THINK,
    "truncate": OPTIONAL_BOOL,
    "shift": OPTIONAL_BOOL,
    "_debug_render_only": BOOL,
    "logprobs": BOOL,
    "top_logprobs": INT,
}
GENERATE = GoStruct(
    "api.GenerateRequest",
    {
        "model": STRING,
        "prompt": STRING,
        "suffix": STRING,
        "system": STRING,
        "template": STRING,
        "context": INTS,
        "raw": BOOL,
        "images": IMAGES,
        **_ANSWER_FIELDS,
    },
)
CHAT = GoStruct(
    "api.ChatRequest", {"model": STRING, "messages": MESSAGES, "tools": GoSlice(TOOL, "api.Tools"), **_ANSWER_FIELDS}
)
EMBED = GoStruct(
    "api.EmbedRequest",
    {
        "model": STRING,
        "input": ANY,
        "keep_alive": KEEP_ALIVE,
        "truncate": OPTIONAL_BOOL,
        "dimensions": INT,
        "options": OBJECT,
    },
)
EMBEDDING = GoStruct(
    "api.EmbeddingRequest", {"model": STRING, "prompt": STRING, "keep_alive": KEEP_ALIVE, "options": OBJECT}
)
SHOW = GoStruct(
    "api.ShowRequest",
    {"model": STRING, "system": STRING, "template": STRING, "verbose": BOOL, "options": OBJECT, "name": STRING},
)
CREATE = GoStruct(
    "api.CreateRequest",
    {
        "model": STRING,
        "stream": OPTIONAL_BOOL,
        "quantize": STRING,
        "draft_quantize": STRING,
        "from": STRING,
        "remote_host": STRING,
        "files": STRING_MAP,
        "draft_files": STRING_MAP,
        "adapters": STRING_MAP,
        "template": STRING,
        "license": ANY,
        "system": STRING,
        "parameters": OBJECT,
        "messages": MESSAGES,
        "renderer": STRING,
        "parser": STRING,
        "requires": STRING,
        "info": OBJECT,
        "name": STRING,
        "quantization": STRING,
    },
)
_REGISTRY_FIELDS: dict[str, GoType] = {
    "model": STRING,
    "insecure": BOOL,
    "username": STRING,
    "password": STRING,
    "stream": OPTIONAL_BOOL,
    "name": STRING,
}
PULL = GoStruct("api.PullRequest", _REGISTRY_FIELDS)
PUSH = GoStruct("api.PushRequest", _REGISTRY_FIELDS)
COPY = GoStruct("api.CopyRequest", {"source": STRING, "destination": STRING})
DELETE = GoStruct("api.DeleteRequest", {"model": STRING, "name": STRING})


def tool_json(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool as the server would write it again: empty optional fields left out."""
    function = tool["function"]
    out: dict[str, Any] = {"type": tool["type"]}
    if tool["items"] is not None:
        out["items"] = tool["items"]
    described: dict[str, Any] = {"name": function["name"]}
    if function["description"]:
        described["description"] = function["description"]
    out["function"] = {**described, "parameters": parameters_json(function["parameters"])}
    return out


def parameters_json(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a tool, as the server would write them again."""
    out: dict[str, Any] = {"type": parameters["type"]}
    for key in ("$defs", "items"):
        if parameters[key] is not None:
            out[key] = parameters[key]
    if parameters["required"]:
        out["required"] = parameters["required"]
    properties = parameters["properties"]
    out["properties"] = None if properties is None else {key: property_json(item) for key, item in properties.items()}
    return out


def property_json(item: dict[str, Any]) -> dict[str, Any]:
    """One of them."""
    out: dict[str, Any] = {}
    if item["anyOf"]:
        out["anyOf"] = [property_json(entry) for entry in item["anyOf"]]
    if item["type"]:
        out["type"] = item["type"][0] if len(item["type"]) == 1 else item["type"]
    for key in ("items", "description", "enum"):
        if item[key]:
            out[key] = item[key]
    if item["properties"] is not None:
        out["properties"] = {key: property_json(entry) for key, entry in item["properties"].items()}
    if item["required"]:
        out["required"] = item["required"]
    return out


__all__ = [
    "CHAT",
    "COPY",
    "CREATE",
    "DELETE",
    "EMBED",
    "EMBEDDING",
    "GENERATE",
    "PULL",
    "PUSH",
    "SHOW",
    "RawJson",
    "TypeMismatchError",
    "go_quote",
    "parameters_json",
    "tool_json",
]
