"""Exchanges that the tests of sessions store."""

from __future__ import annotations

from typing import Any

from toolkit.gateway.sessions import Exchange
from toolkit.ollama.types import ChatMessage, ToolCall

NS_PER_S = 1_000_000_000
STARTED_NS = 1_790_000_000 * NS_PER_S


def exchange(asked: str, answered: str | None = "yes", **more: Any) -> Exchange:
    """One question and its answer."""
    answer = None if answered is None else ChatMessage("assistant", answered)
    facts: dict[str, Any] = {"model": "fast", "reason": "short question", "started_ns": STARTED_NS, **more}
    return Exchange((ChatMessage("user", asked),), answer, **facts)


WITH_EVERYTHING = Exchange(
    said=(
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "What is in this picture?", images=(b"\x89PNG one", b"\x00\xff two")),
    ),
    answer=ChatMessage(
        "assistant",
        "A cat — “Minka” 🐈",
        thinking="whiskers",
        tool_calls=(ToolCall("look", {"deep": [1, {"x": None}], "naïve": "é"}, "call-1"), ToolCall("stop", {})),
    ),
    model="big:latest",
    reason="has an image",
    started_ns=STARTED_NS,
    model_asked="auto",
    rule=3,
    found="cold",
    done_reason="stop",
    prompt_tokens=812,
    answer_tokens=44,
    prompt_weight=900.5,
    queue_ns=1,
    load_ns=2_000_000_000,
    first_token_ns=2_100_000_000,
    total_ns=3_000_000_000,
    request_key="client-7",
)
TOOL_RESULT = Exchange(
    said=(ChatMessage("tool", '{"found": true}', tool_name="look"),),
    answer=ChatMessage("assistant", "There is a cat."),
    model="fast",
    reason="asked for by name",
    started_ns=STARTED_NS + NS_PER_S,
)
