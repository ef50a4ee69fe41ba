"""OpenAI's chat requests as Ollama's own. Pure.

Ollama's `/v1` does the same, but drops `keep_alive` and cannot set `num_ctx`; here both go through, as additional
fields of the body (`extra_body` of OpenAI's client): `keep_alive`, `options`, `think`, `session`. What is not said is
left to the model's own parameters, where Ollama's `/v1` sends a temperature and a top_p of 1.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.refusal import Refusal, Why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPTIONS: Final = (
    ("temperature", "temperature", (int, float)),
    ("top_p", "top_p", (int, float)),
    ("frequency_penalty", "frequency_penalty", (int, float)),
    ("presence_penalty", "presence_penalty", (int, float)),
    ("seed", "seed", int),
    ("max_tokens", "num_predict", int),
    ("max_completion_tokens", "num_predict", int),
)
_ROLES: Final = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_EFFORTS: Final = {"none": False, "minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_AS_THEY_ARE: Final = ("keep_alive", "think", "logprobs", "top_logprobs")


def native_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body for `/api/chat`, without the model.

    Raises:
        Refusal: something has the wrong form, or is not possible (more than one choice).
    """
    refuse_choices(body)
    native: dict[str, Any] = {
        "messages": list(_messages(body.get("messages"))),
        "stream": body.get("stream") is True,
    }
    options = native_options(body)
    if options:
        native["options"] = options
    if body.get("tools") and body.get("tool_choice") != "none":
        native["tools"] = body["tools"]
    _put_format(native, body.get("response_format"))
    effort = body.get("reasoning_effort")
    if effort is not None:
        if effort not in _EFFORTS:
            raise _wrong(f"reasoning_effort: one of {', '.join(_EFFORTS)}")
        native["think"] = _EFFORTS[effort]
    native.update((name, body[name]) for name in _AS_THEY_ARE if body.get(name) is not None)
    return native


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Whether a stream shall end with a chunk of token counts."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def refuse_choices(body: Mapping[str, Any]) -> None:
    """Raises Refusal if more than one choice is asked for."""
    if body.get("n") not in (None, 1):
        raise _wrong("n: one choice a request is possible")


def native_options(body: Mapping[str, Any]) -> dict[str, Any]:
    """What OpenAI's fields say as options, below those of `options`. Raises Refusal for what has the wrong type."""
    given = body.get("options")
    if given is not None and not isinstance(given, dict):
        raise _wrong("options: an object, as in Ollama's own API")
    options: dict[str, Any] = {}
    for name, native, kinds in _OPTIONS:
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise _wrong(f"{name}: a number")
        options[native] = value
    stop = body.get("stop")
    if stop is not None:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    return {**options, **(given or {})}


def _put_format(native: dict[str, Any], wanted: Any) -> None:
    if not isinstance(wanted, dict):
        return
    if wanted.get("type") == "json_object":
        native["format"] = "json"
    elif wanted.get("type") == "json_schema":
        described = wanted.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        if not isinstance(schema, dict):
            raise _wrong("response_format.json_schema.schema: a JSON schema")
        native["format"] = schema


def _messages(messages: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages: a list with at least one message")
    called: dict[str, str] = {}
    for number, message in enumerate(messages):
        role = _ROLES.get(str(message.get("role"))) if isinstance(message, dict) else None
        if role is None:
            raise _wrong(f"messages[{number}].role: one of {', '.join(_ROLES)}")
        native: dict[str, Any] = {"role": role}
        text, images = _content(message.get("content"), number)
        native["content"] = text
        if images:
            native["images"] = images
        calls = message.get("tool_calls")
        if isinstance(calls, list) and calls:
            native["tool_calls"] = [_tool_call(call, number) for call in calls]
            called.update(_names(calls))
        reasoning = message.get("reasoning") or message.get("reasoning_content")
        if isinstance(reasoning, str):
            native["thinking"] = reasoning
        if role == "tool":
            name = message.get("name") or called.get(str(message.get("tool_call_id")))
            native.update({"tool_name": name} if name else {})
            if message.get("tool_call_id"):
                native["tool_call_id"] = message["tool_call_id"]
        yield native


def _content(content: Any, number: int) -> tuple[str, list[str]]:
    if content is None or isinstance(content, str):
        return content or "", []
    if not isinstance(content, list):
        raise _wrong(f"messages[{number}].content: a text, or a list of parts")
    texts: list[str] = []
    images: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url":
            images.append(_image(part.get("image_url"), number))
        else:
            raise _wrong(f"messages[{number}].content: parts are of the type text or image_url")
    return "\n".join(texts), images


def _image(given: Any, number: int) -> str:
    """The base64 of a data URL. Others are not fetched: the gateway asks no address that a client names."""
    url = given.get("url") if isinstance(given, dict) else given
    if not isinstance(url, str) or not url.startswith("data:") or ";base64," not in url:
        raise _wrong(f"messages[{number}]: an image is a data URL (data:image/png;base64,…)")
    return url.partition(";base64,")[2]


def _tool_call(call: Any, number: int) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _wrong(f"messages[{number}].tool_calls: each has a function with a name")
    arguments = function.get("arguments") or "{}"
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise _wrong(f"messages[{number}].tool_calls: the arguments are no JSON") from None
    native: dict[str, Any] = {"function": {"name": function["name"], "arguments": arguments}}
    if call.get("id"):
        native["id"] = call["id"]
    return native


def _names(calls: list[Any]) -> Iterator[tuple[str, str]]:
    for call in calls:
        if call.get("id"):
            yield str(call["id"]), call["function"]["name"]


def _wrong(text: str) -> Refusal:
    return Refusal(Why.BAD_REQUEST, text)
