"""Messages and exchanges as rows of the file, and back. Pure."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from toolkit.gateway.sessions.records import Exchange
from toolkit.ollama.types import ChatMessage, ToolCall

if TYPE_CHECKING:
    from collections.abc import Sequence

TURN_COLUMNS = (
    "request_key",
    "request_digest",
    "outcome",
    "error",
    "model_asked",
    "model",
    "reason",
    "rule",
    "found",
    "done_reason",
    "prompt_tokens",
    "answer_tokens",
    "prompt_weight",
    "prompt_cached",
    "started_ns",
    "queue_ns",
    "load_ns",
    "first_token_ns",
    "total_ns",
)
"""The columns of a turn that an `Exchange` has a field for, in order."""
MESSAGE_COLUMNS = ("role", "content", "thinking", "tool_calls", "tool_name")

_turn_values = attrgetter(*TURN_COLUMNS)


def turn_row(exchange: Exchange) -> tuple[Any, ...]:
    """The values of `TURN_COLUMNS`."""
    return tuple(_turn_values(exchange))


def exchange_from(row: Sequence[Any], said: tuple[ChatMessage, ...], answer: ChatMessage | None) -> Exchange:
    """The exchange of a row of `TURN_COLUMNS` and its messages."""
    values = dict(zip(TURN_COLUMNS, row, strict=True))
    if values["prompt_cached"] is not None:
        values["prompt_cached"] = bool(values["prompt_cached"])
    return Exchange(said=said, answer=answer, **values)


def message_row(message: ChatMessage) -> tuple[Any, ...]:
    """The values of `MESSAGE_COLUMNS`; characters that no UTF-8 can hold (lone surrogates) become `?`."""
    return (
        message.role,
        _storable(message.content),
        None if message.thinking is None else _storable(message.thinking),
        calls_json(message.tool_calls),
        message.tool_name,
    )


def message_from(row: Sequence[Any], images: tuple[bytes, ...] = ()) -> ChatMessage:
    """The message of a row of `MESSAGE_COLUMNS`."""
    role, content, thinking, tool_calls, tool_name = row
    return ChatMessage(role, content, thinking, calls_from(tool_calls), images, tool_name)


def calls_json(calls: tuple[ToolCall, ...]) -> str | None:
    """Calls of tools as JSON, None for none. Non-ASCII is escaped, so that any text survives."""
    if not calls:
        return None
    return json.dumps([{"name": call.name, "arguments": call.arguments, "id": call.id} for call in calls])


def calls_from(text: str | None) -> tuple[ToolCall, ...]:
    """Calls of tools from their JSON."""
    if text is None:
        return ()
    return tuple(ToolCall(each["name"], each["arguments"], each["id"]) for each in json.loads(text))


def text_bytes(message: ChatMessage) -> int:
    """How much text a message brings into a prompt, in UTF-8; what a model thought is not sent again."""
    return len(_storable(message.content).encode()) + len(calls_json(message.tool_calls) or "")


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
