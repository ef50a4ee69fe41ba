"""Turns requests of Anthropic's Messages API into native ones, with the same refusals as the server."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from toolkit.host.app.gojson import dumps
from toolkit.host.app.goscalars import GoFloat, GoInt
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import GoCustom, GoSlice, GoStruct, describe, read_into
from toolkit.host.app.openai_requests import BadRequestError
from toolkit.host.app.prompts import blank_message
from toolkit.host.app.schemas import (
    ANY,
    ARGUMENTS,
    BOOL,
    CHAT,
    INT,
    RAW,
    STRING,
    STRINGS,
    TOOL_PARAMETERS,
    go_quote,
)

_SOURCE = GoStruct("anthropic.ImageSource", dict.fromkeys(("type", "media_type", "data", "url"), STRING), pointer=True)
_BLOCK = GoStruct(
    "anthropic.ContentBlock",
    {
        "type": STRING,
        "text": STRING,
        "citations": ANY,
        "source": _SOURCE,
        "id": STRING,
        "name": STRING,
        "input": ARGUMENTS,
        "tool_use_id": STRING,
        "content": ANY,
        "is_error": BOOL,
        "thinking": STRING,
        "signature": STRING,
    },
)
_BLOCKS = GoSlice(_BLOCK, "[]anthropic.ContentBlock")
_OUTER = GoStruct("", {"role": STRING, "content": RAW})


def _parse_message(value: Any) -> dict[str, Any]:
    """A message whose content may be a plain text."""
    outer = read_into(_OUTER, value)
    if outer["content"] is None:
        raise GoJsonError("unexpected end of JSON input")
    content = json.loads(outer["content"])
    if describe(content) == "string" and content is not None:
        blocks = [{**_BLOCK.fresh(), "type": "text", "text": content}]
    else:
        blocks = read_into(_BLOCKS, content) or []
    return {"role": outer["role"], "content": blocks}


_MESSAGE = GoCustom("anthropic.MessageParam", _parse_message, takes_null=True)
_TOOL = GoStruct(
    "anthropic.Tool",
    {"type": STRING, "name": STRING, "description": STRING, "input_schema": RAW, "max_uses": INT},
)
MESSAGES_REQUEST = GoStruct(
    "anthropic.MessagesRequest",
    {
        "model": STRING,
        "max_tokens": INT,
        "messages": GoSlice(_MESSAGE, "[]anthropic.MessageParam"),
        "system": ANY,
        "stream": BOOL,
        "temperature": GoFloat(64, zero=None),
        "top_p": GoFloat(64, zero=None),
        "top_k": GoInt(zero=None),
        "stop_sequences": STRINGS,
        "tools": GoSlice(_TOOL, "[]anthropic.Tool"),
        "tool_choice": GoStruct(
            "anthropic.ToolChoice",
            {"type": STRING, "name": STRING, "disable_parallel_tool_use": BOOL},
            pointer=True,
        ),
        "thinking": GoStruct("anthropic.ThinkingConfig", {"type": STRING, "budget_tokens": INT}, pointer=True),
        "metadata": GoStruct("anthropic.Metadata", {"user_id": STRING}, pointer=True),
        "output_config": GoStruct("anthropic.OutputConfig", {"effort": STRING}, pointer=True),
    },
)
_EFFORTS = {"high": "high", "medium": "medium", "low": "low", "max": "max", "xhigh": "high"}


def native_request(request: dict[str, Any]) -> dict[str, Any]:
    """A native chat request. Raises BadRequestError."""
    if not request["model"]:
        raise BadRequestError("model is required")
    if request["max_tokens"] <= 0:
        raise BadRequestError("max_tokens is required and must be positive")
    if not request["messages"]:
        raise BadRequestError("messages is required")
    messages = _system(request["system"])
    for message in request["messages"]:
        messages += _messages(message)
    options: dict[str, Any] = {"num_predict": float(request["max_tokens"])}
    for key in ("temperature", "top_p", "top_k"):
        if request[key] is not None:
            options[key] = float(request[key])
    if request["stop_sequences"]:
        options["stop"] = request["stop_sequences"]
    return {
        **CHAT.fresh(),
        "model": request["model"],
        "messages": messages,
        "options": options,
        "stream": request["stream"],
        "tools": _tools(request["tools"] or []),
        "think": _think(request),
    }


def _system(system: Any) -> list[dict[str, Any]]:
    text = system if isinstance(system, str) else ""
    if isinstance(system, list):
        blocks = [block for block in system if isinstance(block, dict) and block.get("type") == "text"]
        text = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    return [blank_message("system", text)] if text else []


def _think(request: dict[str, Any]) -> bool | str | None:
    kind = (request["thinking"] or {}).get("type")
    if kind in {"enabled", "disabled"}:
        return bool(kind == "enabled")
    effort = str((request["output_config"] or {}).get("effort", "")).strip().lower()
    return _EFFORTS.get(effort)


def _messages(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of one: results of tools, and the rest."""
    role = message["role"].lower()
    text, thinking = "", ""
    images: list[bytes] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for block in message["content"]:
        kind = block["type"]
        if kind == "text":
            text += block["text"]
        elif kind == "image":
            if block["source"] is None:
                raise BadRequestError("invalid image source")
            images.append(_image(block["source"]))
        elif kind in {"tool_use", "server_tool_use"}:
            calls.append(_call(block, checked=kind == "tool_use"))
        elif kind == "tool_result":
            content, shown = _result(block["content"])
            result = {**blank_message("tool", content), "images": shown or None}
            results.append({**result, "tool_call_id": block["tool_use_id"]})
        elif kind == "thinking":
            thinking = block["thinking"] or thinking
        elif kind == "web_search_tool_result":
            content = block["content"] if isinstance(block["content"], str) else dumps(block["content"])
            results.append({**blank_message("tool", content), "tool_call_id": block["tool_use_id"]})
    said = {**blank_message(role, text), "images": images or None, "tool_calls": calls or None, "thinking": thinking}
    own = [said] if text or images or calls or thinking else []
    return results + own if role == "user" else own + results


def _call(block: dict[str, Any], *, checked: bool) -> dict[str, Any]:
    for key in ("id", "name"):
        if checked and not block[key]:
            raise BadRequestError(f"tool_use block missing required '{key}' field")
    function = {"index": 0, "name": block["name"], "arguments": block["input"] or {}}
    return {"id": block["id"], "function": function}


def _image(source: dict[str, Any]) -> bytes:
    if source.get("type") != "base64":
        raise BadRequestError(f"invalid image source type: {source.get('type', '')}. Only base64 images are supported.")
    try:
        return base64.b64decode(str(source.get("data") or ""), validate=True)
    except binascii.Error as error:
        raise BadRequestError("invalid base64 image data: illegal base64 data at input byte 0") from error


def _result(content: Any) -> tuple[str, list[bytes]]:
    if isinstance(content, str):
        return content, []
    text, images = "", []
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            text += block["text"]
        elif block.get("type") == "image":
            if not isinstance(block.get("source"), dict):
                raise BadRequestError("invalid tool_result image source")
            images.append(_image(block["source"]))
    return text, images


_SEARCH_PURPOSE = "Search the web for current information. Use this to find up-to-date information about any topic."


def _tools(tools: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    searches = any(tool["type"].startswith("web_search") for tool in tools)
    out: list[dict[str, Any]] = []
    for tool in tools:
        if tool["type"].startswith("web_search"):
            out.append(web_search_tool(_SEARCH_PURPOSE, "The search query to look up on the web"))
            continue
        if searches and tool["name"] == "web_search":
            continue
        parameters = TOOL_PARAMETERS.fresh()
        if tool["input_schema"] is not None:
            try:
                parameters = read_into(TOOL_PARAMETERS, json.loads(tool["input_schema"]))
            except GoJsonError as error:
                raise BadRequestError(f"invalid input_schema for tool {go_quote(tool['name'])}: {error}") from error
        function = {"name": tool["name"], "description": tool["description"], "parameters": parameters}
        out.append({"type": "function", "items": None, "function": function})
    return out or None


def web_search_tool(description: str, query: str) -> dict[str, Any]:
    """The server's own tool, as a model sees it."""
    schema = {
        "type": "object",
        "required": ["query"],
        "properties": {"query": {"type": "string", "description": query}},
    }
    function = {"name": "web_search", "description": description, "parameters": read_into(TOOL_PARAMETERS, schema)}
    return {"type": "function", "items": None, "function": function}


def estimated_tokens(request: dict[str, Any]) -> int:
    """The server's guess of the length of a prompt: a quarter of its bytes, at least one."""
    system = request["system"]
    length = len(system.encode()) if isinstance(system, str) else 0
    for block in system if isinstance(system, list) else ():
        length += len(str(block.get("text", "")).encode()) if isinstance(block, dict) else 0
    for message in request["messages"] or ():
        length += len(message["role"].encode())
        for block in message["content"]:
            length += len(block["text"].encode()) + len(block["thinking"].encode())
            if block["type"] in {"tool_use", "tool_result"}:
                length += len(dumps({key: value for key, value in block.items() if value}).encode())
    for tool in request["tools"] or ():
        length += len(tool["name"]) + len(tool["description"]) + len(tool["input_schema"] or "")
    return max(length // 4, 1)
