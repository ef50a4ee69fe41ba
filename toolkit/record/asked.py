"""What a request to a model asks for, read from its body: of Ollama's own API and of the two that it imitates. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.workload.tokens import CHARACTERS_PER_TOKEN, MESSAGE_OVERHEAD_TOKENS
from toolkit.workload.traces.logged import CHAT, EMBED, GENERATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENDPOINTS = {
    b"/api/chat": CHAT,
    b"/api/generate": GENERATE,
    b"/api/embed": EMBED,
    b"/api/embeddings": EMBED,
    b"/v1/chat/completions": CHAT,
    b"/v1/completions": GENERATE,
    b"/v1/responses": CHAT,
    b"/v1/messages": CHAT,
    b"/v1/embeddings": EMBED,
}
"""The calls that make a model work, and the kind that each is recorded as."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body says. `messages` are the conversation as sent, empty for a single prompt."""

    model: str | None
    stream: bool
    options: Mapping[str, Any] | None
    keep_alive: int | float | str | None
    messages: Sequence[Any]
    prompt_tokens: int
    text: str
    system: str | None


def read_asked(body: bytes, *, native: bool) -> Asked | None:
    """Read a request's body; None if it is not a JSON object. `prompt_tokens` are estimated from its characters."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    messages = _messages(value)
    texts = [_text(message.get("content")) if isinstance(message, dict) else _text(message) for message in messages]
    prompt = _text(value.get("prompt", value.get("input") if not messages else None))
    system = _text(value.get("system", value.get("instructions"))) or _system_of(messages)
    pieces = [*texts, *([prompt] if prompt else []), *([system] if system and not _system_of(messages) else [])]
    users = [text for message, text in zip(messages, texts, strict=True) if _role(message) == "user"]
    model, keep_alive, options = value.get("model"), value.get("keep_alive"), value.get("options")
    stream = value.get("stream")
    return Asked(
        model=model if isinstance(model, str) else None,
        stream=stream if isinstance(stream, bool) else native,
        options=_plain(options) if native and isinstance(options, dict) else None,
        keep_alive=keep_alive if native and _is_plain(keep_alive) and not isinstance(keep_alive, bool) else None,
        messages=messages,
        prompt_tokens=sum(-(-len(text) // CHARACTERS_PER_TOKEN) + MESSAGE_OVERHEAD_TOKENS for text in pieces),
        text=users[-1] if users else prompt,
        system=system or None,
    )


def _messages(value: dict[str, Any]) -> list[Any]:
    """A chat's messages; the Responses API calls them `input`."""
    for key in ("messages", "input"):
        found = value.get(key)
        if isinstance(found, list) and all(isinstance(each, dict) for each in found):
            return found
    return []


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else None


def _system_of(messages: Sequence[Any]) -> str:
    return next((_text(each.get("content")) for each in messages if _role(each) in {"system", "developer"}), "")


def _text(content: Any) -> str:
    """The text of a content: a string, or parts of which some have one."""
    return content if isinstance(content, str) else "\n".join(_parts(content))


def _parts(content: Any) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield text


def _is_plain(value: Any) -> bool:
    """Whether a value is a number or a text, or a truth value, that JSON can carry on."""
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _plain(options: dict[str, Any]) -> dict[str, Any] | None:
    """The options that are scalars or lists of them (`stop`)."""
    kept = {
        name: value
        for name, value in options.items()
        if _is_plain(value) or (isinstance(value, list) and all(_is_plain(each) for each in value))
    }
    return kept or None
