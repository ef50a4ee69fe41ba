"""Messages in the shape of Ollama's API, to and from ours; and which of a request's messages are new. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.ollama.types import ChatMessage, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.gateway.sessions.records import StoredMessage

_ROLES = ("system", "user", "assistant", "tool")


def messages_from(given: Any) -> tuple[ChatMessage, ...]:
    """The `messages` of a request.

    Raises:
        UsageError: that is no list of messages; the sentence says which one is wrong.
    """
    if not isinstance(given, list):
        raise UsageError("messages: a list of messages stands here")
    return tuple(_message(number, each) for number, each in enumerate(given))


def message_data(message: ChatMessage) -> dict[str, Any]:
    """A message as a model is sent it; what a model thought is not sent again."""
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = list(map(call_data, message.tool_calls))
    if message.tool_name is not None:
        data["tool_name"] = message.tool_name
    if message.images:
        data["images"] = [base64.b64encode(image).decode() for image in message.images]
    return data


def calls_from_wire(given: Iterable[Any]) -> tuple[ToolCall, ...]:
    """The calls of an answer or a request; what is no call of a tool is passed over."""
    calls = []
    for each in given:
        function = each.get("function") if isinstance(each, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            arguments, call_id = function.get("arguments"), each.get("id")
            known = arguments if isinstance(arguments, dict) else {}
            calls.append(ToolCall(function["name"], known, call_id if isinstance(call_id, str) and call_id else None))
    return tuple(calls)


def only_new(history: Sequence[StoredMessage], said: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """The messages that the session does not have yet.

    A client that keeps the conversation itself sends all of it each time: then its messages begin with the end of the
    history, and that is not told twice. It must hold an answer of the history, which no new message is.
    """
    told = [_key(each.message) for each in history if each.message.role != "system"]
    place = [index for index, message in enumerate(said) if message.role != "system"]
    keys = [_key(said[index]) for index in place]
    for length in range(min(len(told), len(keys)), 0, -1):
        known = keys[:length]
        if known == told[len(told) - length :] and any(role == "assistant" for role, _ in known):
            before = tuple(message for message in said[: place[length - 1]] if message.role == "system")
            return (*before, *said[place[length - 1] + 1 :])
    return said


def _key(message: ChatMessage) -> tuple[str, str]:
    return message.role, message.content


def _message(number: int, given: Any) -> ChatMessage:
    where = f"messages[{number}]"
    if not isinstance(given, dict):
        raise UsageError(f"{where}: a message is an object with role and content")
    role, content = given.get("role"), given.get("content")
    if role not in _ROLES:
        raise UsageError(f"{where}.role: one of {', '.join(_ROLES)}")
    if content is not None and not isinstance(content, str):
        raise UsageError(f"{where}.content: a text")
    calls, name = given.get("tool_calls") or [], given.get("tool_name") or given.get("name")
    if not isinstance(calls, list):
        raise UsageError(f"{where}.tool_calls: a list of calls")
    return ChatMessage(
        role,
        content or "",
        tool_calls=calls_from_wire(calls),
        images=_images(where, given.get("images")),
        tool_name=name if isinstance(name, str) and role == "tool" else None,
    )


def _images(where: str, given: Any) -> tuple[bytes, ...]:
    if not given:
        return ()
    try:
        return tuple(base64.b64decode(image, validate=True) for image in given)
    except (TypeError, ValueError, binascii.Error):
        raise UsageError(f"{where}.images: a list of texts in base64") from None


def call_data(call: ToolCall) -> dict[str, Any]:
    """A call of a tool as Ollama's API writes it."""
    function = {"name": call.name, "arguments": dict(call.arguments)}
    return {"function": function} if call.id is None else {"id": call.id, "function": function}
