"""Turns requests of `/v1` into native ones, with the same refusals as the server."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from toolkit.host.app.gojson import RawJson
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import read_into
from toolkit.host.app.prompts import blank_message
from toolkit.host.app.schemas import ARGUMENTS, CHAT, GENERATE, go_quote

if TYPE_CHECKING:
    from toolkit.host.app.line import ServerLine

_IMAGE_TYPES = ("jpeg", "jpg", "png", "webp")
_WIDE_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max", "ultra": "max",
                 "max": "max"}  # fmt: skip
_EFFORTS = {"high": "high", "medium": "medium", "low": "low", "max": "max"}


class BadRequestError(Exception):
    """A request that cannot be converted; the message is the server's."""


def go_type_name(value: Any) -> str:
    """What Go's %T prints for a value of an `any`."""
    if value is None:
        return "<nil>"
    names: dict[type, str] = {bool: "bool", float: "float64", str: "string", list: "[]interface {}"}
    return names.get(type(value), "map[string]interface {}")


def chat_request(request: dict[str, Any], line: ServerLine) -> dict[str, Any]:
    """A native chat request. Raises BadRequestError."""
    if not request["messages"]:
        raise BadRequestError("[] is too short - 'messages'")
    messages: list[dict[str, Any]] = []
    for message in request["messages"]:
        messages += _messages(message, request["messages"])
    options = _options(request, stops=_stops(request["stop"], strict=False))
    for key in ("frequency_penalty", "presence_penalty"):
        if request[key] is not None:
            options[key] = request[key]
    effort = (
        (request["reasoning"] or {}).get("effort") if request["reasoning"] is not None else request["reasoning_effort"]
    )
    return {
        **CHAT.fresh(),
        "model": request["model"],
        "messages": messages,
        "format": _format(request["response_format"]),
        "options": options,
        "stream": request["stream"],
        "tools": request["tools"],
        "think": think_of(effort or "", line),
        "logprobs": bool(request["logprobs"]),
        "top_logprobs": request["top_logprobs"],
        "_debug_render_only": request["_debug_render_only"],
    }


def completion_request(request: dict[str, Any]) -> dict[str, Any]:
    """A native generate request. Raises BadRequestError."""
    options = _options(request, stops=_stops(request["stop"], strict=True))
    options["frequency_penalty"] = request["frequency_penalty"]
    options["presence_penalty"] = request["presence_penalty"]
    logprobs = request["logprobs"] or 0
    return {
        **GENERATE.fresh(),
        "model": request["model"],
        "prompt": request["prompt"],
        "options": options,
        "stream": request["stream"],
        "suffix": request["suffix"],
        "logprobs": logprobs > 0,
        "top_logprobs": max(logprobs, 0),
        "_debug_render_only": request["_debug_render_only"],
    }


def _options(request: dict[str, Any], stops: list[str] | None) -> dict[str, Any]:
    options: dict[str, Any] = {} if stops is None else {"stop": stops}
    if request["max_tokens"] is not None:
        options["num_predict"] = float(request["max_tokens"])
    options["temperature"] = 1.0 if request["temperature"] is None else request["temperature"]
    if request["seed"] is not None:
        options["seed"] = float(request["seed"])
    options["top_p"] = request["top_p"] or 1.0 if "prompt" in request else _or_one(request["top_p"])
    return options


def _or_one(value: float | None) -> float:
    return 1.0 if value is None else value


def _stops(stop: Any, *, strict: bool) -> list[str] | None:
    if isinstance(stop, str):
        return [stop]
    if not isinstance(stop, list):
        return None
    if strict:
        for item in stop:
            if not isinstance(item, str):
                raise BadRequestError(f"invalid type for 'stop' field: {go_type_name(item)}")
    return [item for item in stop if isinstance(item, str)]


def _format(given: dict[str, Any] | None) -> RawJson | None:
    kind = (given or {}).get("type", "").strip().lower()
    if kind == "json_object":
        return RawJson('"json"')
    if kind == "json_schema" and given is not None and given["json_schema"] is not None:
        schema: RawJson | None = given["json_schema"]["schema"]
        return schema
    return None


def think_of(effort: str, line: ServerLine) -> bool | str | None:
    """The think value of a reasoning effort. Raises BadRequestError."""
    if not effort:
        return None
    if effort == "none":
        return False
    efforts = _WIDE_EFFORTS if line.wide_reasoning_efforts else _EFFORTS
    if effort in efforts:
        return efforts[effort]
    known = ", ".join(f'"{name}"' for name in efforts)
    shown = go_quote(effort) if line.wide_reasoning_efforts else f"'{effort}'"
    raise BadRequestError(f'invalid reasoning value: {shown} (must be {known}, or "none")')


def _messages(message: dict[str, Any], all_messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One message, or one for each part of its content."""
    role, content = message["role"], message["content"]
    lower = role.lower()
    tool_name = ""
    if lower == "tool":
        tool_name = message["name"] or _called_name(all_messages, message["tool_call_id"])
    extras = {
        "thinking": message["reasoning"],
        "tool_calls": None,
        "tool_name": tool_name,
        "tool_call_id": message["tool_call_id"],
    }
    if isinstance(content, str):
        calls = _tool_calls(message["tool_calls"])
        return [{**blank_message(lower, content), **extras, "tool_calls": calls}]
    if isinstance(content, list):
        parts = [_part(lower, part) for part in content]
        if parts and message["tool_calls"]:
            parts[-1] |= {**extras, "tool_calls": _tool_calls(message["tool_calls"])}
        return parts
    if message["tool_calls"] is None:
        raise BadRequestError(f"invalid message content type: {go_type_name(content)}")
    calls = _tool_calls(message["tool_calls"])
    return [{**blank_message(lower, ""), **extras, "tool_name": "", "tool_calls": calls}]


def _part(role: str, part: Any) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise BadRequestError("invalid message format")
    kind = part.get("type")
    if kind == "text":
        if not isinstance(part.get("text"), str):
            raise BadRequestError("invalid message format")
        return blank_message(role, part["text"])
    if kind == "image_url":
        given = part.get("image_url")
        url = given.get("url") if isinstance(given, dict) else given
        if not isinstance(url, str):
            raise BadRequestError("invalid message format")
        return {**blank_message(role, ""), "images": [image_of(url)]}
    if kind == "input_audio":
        audio = part.get("input_audio")
        if not isinstance(audio, dict):
            raise BadRequestError("invalid input_audio format")
        if not isinstance(audio.get("data"), str):
            raise BadRequestError("invalid input_audio format: missing data")
        return {**blank_message(role, ""), "images": [b"audio"]}
    raise BadRequestError("invalid message format")


def image_of(url: str) -> bytes:
    """The bytes of a data URL. Raises BadRequestError."""
    if url.startswith(("http://", "https://")):
        raise BadRequestError("image URLs are not currently supported, please use base64 encoded data instead")
    prefixes = ["data:;base64,", *(f"data:image/{kind};base64," for kind in _IMAGE_TYPES)]
    for prefix in prefixes:
        if url.startswith(prefix):
            try:
                return base64.b64decode(url.removeprefix(prefix), validate=True)
            except binascii.Error as error:
                raise BadRequestError("invalid image input") from error
    raise BadRequestError("invalid image input")


def _called_name(messages: list[dict[str, Any]], call_id: str) -> str:
    if not call_id:
        return ""
    for message in reversed(messages):
        for call in message["tool_calls"] or ():
            if call["id"] == call_id:
                return str(call["function"]["name"])
    return ""


def _tool_calls(calls: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for call in calls or ():
        try:
            arguments = read_into(ARGUMENTS, json.loads(call["function"]["arguments"]))
        except (ValueError, GoJsonError) as error:
            raise BadRequestError("invalid tool call arguments") from error
        function = {"index": 0, "name": call["function"]["name"], "arguments": arguments}
        found.append({"id": call["id"], "function": function})
    return found
