"""Requests as bytes: what each call of the native API puts on the wire. Pure.

Bodies are compact JSON in UTF-8 with the keys in the order of the code, so equal requests are equal bytes.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError, UsageError
from toolkit.ollama.keep_alive import encode_keep_alive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.ollama.types import ChatMessage, ChatRequest, CreateRequest, GenerateRequest, ToolCall

JSON, NDJSON = "application/json", "application/x-ndjson"
_BODY = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)  # `dumps` makes one each time


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request below a base URL; `path` begins with a slash, header names are lower case."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def call(self) -> str:
        """How messages name it: `POST /api/chat`."""
        return f"{self.method} {self.path}"


def chat_call(request: ChatRequest, *, stream: bool) -> WireRequest:
    """`POST /api/chat`."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": stream,
    }
    if request.tools:
        body["tools"] = request.tools
    _put_given(body, think=request.think, format=request.format)
    _put_runner(body, request.keep_alive_ns, request.options)
    return _post("/api/chat", body)


def generate_call(request: GenerateRequest, *, stream: bool) -> WireRequest:
    """`POST /api/generate`."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "stream": stream}
    _put_given(body, system=request.system, suffix=request.suffix, context=request.context)
    if request.raw:
        body["raw"] = True
    if request.images:
        body["images"] = _images(request.images)
    _put_given(body, think=request.think, format=request.format)
    _put_runner(body, request.keep_alive_ns, request.options)
    return _post("/api/generate", body)


def load_call(model: str, keep_alive_ns: int | None, options: Mapping[str, Any] | None) -> WireRequest:
    """`POST /api/generate` without a prompt: the server loads the model and answers when it is there.

    Raises:
        UsageError: a keep_alive of 0, which would unload.
    """
    if keep_alive_ns == 0:
        raise UsageError(
            f"{model} cannot be loaded with a keep_alive of 0, which unloads it; use unload, or give a time"
        )
    body: dict[str, Any] = {"model": model, "stream": False}
    _put_runner(body, keep_alive_ns, options)
    return _post("/api/generate", body)


def unload_call(model: str) -> WireRequest:
    """`POST /api/generate` without a prompt, with a keep_alive of 0: the server unloads the model when it is idle."""
    return _post("/api/generate", {"model": model, "stream": False, "keep_alive": 0})


def show_call(model: str, *, in_full: bool) -> WireRequest:
    """`POST /api/show`; in full with all arrays of the GGUF header, token lists included (megabytes)."""
    return _post("/api/show", {"model": model, "verbose": True} if in_full else {"model": model})


def pull_call(model: str) -> WireRequest:
    """`POST /api/pull`, streamed."""
    return _post("/api/pull", {"model": model, "stream": True})


def create_call(request: CreateRequest) -> WireRequest:
    """`POST /api/create` from another model, streamed."""
    body: dict[str, Any] = {"model": request.model, "from": request.base, "stream": True}
    if request.parameters:
        body["parameters"] = dict(request.parameters)
    _put_given(body, system=request.system, template=request.template)
    return _post("/api/create", body)


def delete_call(model: str) -> WireRequest:
    """`DELETE /api/delete`."""
    return replace(_post("/api/delete", {"model": model}), method="DELETE")


def get_call(path: str) -> WireRequest:
    """`GET` of `/api/ps`, `/api/tags` or `/api/version`."""
    return WireRequest("GET", path, (("accept", JSON),))


def _post(path: str, body: Mapping[str, Any]) -> WireRequest:
    try:
        data = _BODY.encode(body).encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(error.object[error.start]):04X}"
        raise InputError(
            f"the request for POST {path} holds half a character ({half}), which UTF-8 cannot carry"
        ) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"the request for POST {path} cannot be written as JSON: {error}") from None
    return WireRequest("POST", path, (("content-type", JSON), ("accept", f"{NDJSON}, {JSON}")), data)


def _put_given(body: dict[str, Any], **fields: Any) -> None:
    body.update((key, value) for key, value in fields.items() if value is not None)


def _put_runner(body: dict[str, Any], keep_alive_ns: int | None, options: Mapping[str, Any] | None) -> None:
    if options:
        body["options"] = dict(options)
    if keep_alive_ns is not None:
        body["keep_alive"] = encode_keep_alive(keep_alive_ns)


def _message(message: ChatMessage) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    _put_given(body, thinking=message.thinking, tool_name=message.tool_name)
    if message.images:
        body["images"] = _images(message.images)
    if message.tool_calls:
        body["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    return body


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"function": function} if call.id is None else {"id": call.id, "function": function}


def _images(images: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(image).decode("ascii") for image in images]
