"""Turns requests of OpenAI's Responses API into native ones, with the same refusals as the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit.host.app.anthropic_requests import web_search_tool
from toolkit.host.app.goscalars import GoBool, GoFloat, GoInt, GoString
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import GoCustom, GoSlice, GoStruct, GoType, describe, items_of, read_into
from toolkit.host.app.openai_requests import BadRequestError, image_of, think_of
from toolkit.host.app.prompts import blank_message
from toolkit.host.app.schemas import (
    ANY,
    ARGUMENTS,
    BOOL,
    CHAT,
    OBJECT,
    OPTIONAL_BOOL,
    RAW,
    STRING,
    STRINGS,
    TOOL_PARAMETERS,
    go_quote,
)

if TYPE_CHECKING:
    from toolkit.host.app.line import ServerLine


class _OptionalString(GoString):
    """`*string`."""

    zero = None  # type: ignore[assignment]  # a pointer


_TYPE_FIELD = GoStruct("", {"type": STRING, "role": STRING})
_CONTENT = {
    "input_text": GoStruct("openai.ResponsesTextContent", {"type": STRING, "text": STRING}),
    "output_text": GoStruct("openai.ResponsesOutputTextContent", {"type": STRING, "text": STRING}),
    "input_image": GoStruct(
        "openai.ResponsesImageContent", {"type": STRING, "detail": STRING, "file_id": STRING, "image_url": STRING}
    ),
    "input_file": GoStruct(
        "openai.ResponsesFileContent",
        {"type": STRING, "file_data": STRING, "file_id": STRING, "file_url": STRING, "filename": STRING},
    ),
}
_ITEMS: dict[str, GoStruct] = {
    "message": GoStruct("", {"type": STRING, "role": STRING, "content": ANY}),
    "function_call": GoStruct(
        "openai.ResponsesFunctionCall",
        {"id": STRING, "type": STRING, "call_id": STRING, "name": STRING, "arguments": STRING},
    ),
    "function_call_output": GoStruct("", {"type": STRING, "call_id": STRING, "output": ANY}),
    "reasoning": GoStruct(
        "openai.ResponsesReasoningInput",
        {"id": STRING, "type": STRING, "summary": ANY, "encrypted_content": STRING},
    ),
    "web_search_call": GoStruct("openai.ResponsesWebSearchCall", {"id": STRING, "type": STRING, "status": STRING}),
}


def _is_text(value: Any) -> bool:
    return value is None or describe(value) == "string"


def _contents(value: Any, what: str) -> list[dict[str, Any]]:
    """Text or a list of parts."""
    if _is_text(value):
        return [] if value is None and what == "output" else [{"type": "input_text", "text": value or ""}]
    if not isinstance(value, list):
        kind = describe(value)
        target = "[]json.RawMessage"
        raise GoJsonError(
            f"{what} must be a string or array: json: cannot unmarshal {kind} into Go value of type {target}"
        )
    found: list[dict[str, Any]] = []
    for place, part in enumerate(value):
        try:
            kind = read_into(_TYPE_FIELD, part)["type"]
            if kind not in _CONTENT:
                raise GoJsonError(f"unknown content type: {kind}")  # noqa: TRY301 - both get the place in front
            found.append(read_into(_CONTENT[kind], part))
        except GoJsonError as error:
            raise GoJsonError(f"{what}[{place}]: {error}") from error
    return found


def _parse_item(value: Any) -> dict[str, Any]:
    head = read_into(_TYPE_FIELD, value)
    kind = head["type"] or ("message" if head["role"] else "")
    if not kind:
        raise GoJsonError("input item missing required 'type' field")
    if kind not in _ITEMS:
        raise GoJsonError(f"unknown input item type: {go_quote(kind)}")
    item: dict[str, Any] = read_into(_ITEMS[kind], value)
    raw = dict(items_of(value))
    if kind == "message":
        item["content"] = _contents(raw.get("content"), "content") if "content" in raw else []
    if kind == "function_call_output":
        item["output"] = _contents(raw.get("output"), "output")
    item["type"] = kind
    return item


def _parse_input(value: Any) -> str | list[dict[str, Any]]:
    if _is_text(value):
        return str(value or "")
    if not isinstance(value, list):
        kind = describe(value)
        raise GoJsonError(
            f"input must be a string or array: json: cannot unmarshal {kind} into Go value of type []json.RawMessage"
        )
    found = []
    for place, item in enumerate(value):
        try:
            found.append(_parse_item(item))
        except GoJsonError as error:
            raise GoJsonError(f"input[{place}]: {error}") from error
    return found


class _Tools(GoType):
    """Tools may hold tools."""

    name = "[]openai.ResponsesTool"

    def read(self, value: Any, old: Any, reading: Any) -> Any:
        """A list of tools."""
        return GoSlice(_TOOL, self.name).read(value, old, reading)


_TOOL = GoStruct(
    "openai.ResponsesTool",
    {
        "type": STRING,
        "name": STRING,
        "description": _OptionalString(),
        "strict": OPTIONAL_BOOL,
        "parameters": OBJECT,
        "tools": _Tools(),
    },
)
_FORMAT = GoStruct(
    "openai.ResponsesTextFormat",
    {"type": STRING, "name": STRING, "schema": RAW, "strict": GoBool(zero=None)},
    pointer=True,
)
RESPONSES_REQUEST = GoStruct(
    "openai.ResponsesRequest",
    {
        "model": STRING,
        "background": BOOL,
        "conversation": RAW,
        "include": STRINGS,
        "input": GoCustom("openai.ResponsesInput", _parse_input, zero="", takes_null=True),
        "instructions": STRING,
        "max_output_tokens": GoInt(zero=None),
        "reasoning": GoStruct(
            "openai.ResponsesReasoning", {"effort": STRING, "generate_summary": STRING, "summary": STRING}
        ),
        "temperature": GoFloat(64, zero=None),
        "text": GoStruct("openai.ResponsesText", {"format": _FORMAT}, pointer=True),
        "top_p": GoFloat(64, zero=None),
        "truncation": _OptionalString(),
        "tools": _Tools(),
        "stream": OPTIONAL_BOOL,
    },
)


def native_request(request: dict[str, Any], line: ServerLine) -> dict[str, Any]:
    """A native chat request. Raises BadRequestError."""
    messages = [blank_message("system", request["instructions"])] if request["instructions"] else []
    if isinstance(request["input"], str):
        messages += [blank_message("user", request["input"])] if request["input"] else []
    else:
        messages += _history(request["input"], bool(messages), messages)
    options: dict[str, Any] = {"temperature": 1.0 if request["temperature"] is None else request["temperature"]}
    if request["top_p"] is not None:
        options["top_p"] = request["top_p"]
    if request["max_output_tokens"] is not None:
        options["num_predict"] = float(request["max_output_tokens"])
    text_format = (request["text"] or {}).get("format")
    schema = text_format["schema"] if text_format is not None and text_format["type"] == "json_schema" else None
    return {
        **CHAT.fresh(),
        "model": request["model"],
        "messages": messages,
        "options": options,
        "tools": _native_tools(request["tools"] or []),
        "format": schema,
        "think": think_of(request["reasoning"]["effort"], line),
        "stream": bool(request["stream"]),
    }


def _history(items: list[dict[str, Any]], _instructed: bool, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages of a list of items; calls belong to the assistant's message before them."""
    messages: list[dict[str, Any]] = []
    thinking = ""
    for item in items:
        kind = item["type"]
        if kind == "reasoning":
            thinking = item["encrypted_content"]
        elif kind == "message":
            content, images = _joined(item["content"])
            message = {**blank_message(item["role"].lower(), content), "images": images or None}
            if message["role"] == "assistant" and thinking:
                message["thinking"], thinking = thinking, ""
            messages.append(message)
        elif kind == "function_call":
            last = messages[-1] if messages else None
            if last is None or last["role"] != "assistant":
                last = blank_message("assistant", "")
                messages.append(last)
            last["tool_calls"] = [*(last["tool_calls"] or []), _call(item)]
            if thinking:
                last["thinking"], thinking = thinking, ""
        elif kind == "function_call_output":
            content, images = _joined(item["output"])
            message = {**blank_message("tool", content), "images": images or None, "tool_call_id": item["call_id"]}
            messages.append(message)
    del before
    return [*messages, {**blank_message("assistant", ""), "thinking": thinking}] if thinking else messages


def _call(item: dict[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if item["arguments"]:
        try:
            arguments = read_into(ARGUMENTS, json.loads(item["arguments"]))
        except (ValueError, GoJsonError) as error:
            raise BadRequestError(f"failed to parse function call arguments: {error}") from error
    return {"id": item["call_id"], "function": {"index": 0, "name": item["name"], "arguments": arguments}}


def _joined(parts: list[dict[str, Any]]) -> tuple[str, list[bytes]]:
    text, images = "", []
    for part in parts:
        if part["type"] in {"input_text", "output_text"}:
            text += part["text"]
        elif part["type"] == "input_file":
            raise BadRequestError("file inputs are not currently supported")
        elif part["image_url"]:
            images.append(image_of(part["image_url"]))
    return text, images


def _native_tools(tools: list[dict[str, Any]], prefix: str = "") -> list[dict[str, Any]] | None:
    searches = any(tool["type"] == "web_search" for tool in tools)
    out: list[dict[str, Any]] = []
    for tool in tools:
        if tool["type"] == "web_search":
            out.append(web_search_tool("Search the web for current information.", "The search query."))
        elif tool["type"] == "namespace":
            out += _native_tools(tool["tools"] or [], f"{tool['name']}." if tool["name"] else "") or []
        elif not (searches and tool["name"] == "web_search"):
            name = tool["name"] if tool["name"].startswith(prefix) else prefix + tool["name"]
            parameters = TOOL_PARAMETERS.fresh()
            if tool["parameters"] is not None:
                try:
                    parameters = read_into(TOOL_PARAMETERS, tool["parameters"])
                except GoJsonError as error:
                    raise BadRequestError(f"failed to unmarshal tool parameters: {error}") from error
            function = {"name": name, "description": tool["description"] or "", "parameters": parameters}
            out.append({"type": tool["type"], "items": None, "function": function})
    return out or None
