"""Requests as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolkit.errors import InputError, UsageError
from toolkit.ollama import wire
from toolkit.ollama.types import ChatMessage, ChatRequest, GenerateRequest, ToolCall


def test_the_least_chat() -> None:
    call = wire.chat_call(ChatRequest("m", (ChatMessage("user", "hé"),)), stream=True)
    assert (call.method, call.path) == ("POST", "/api/chat")
    assert call.body == '{"model":"m","messages":[{"role":"user","content":"hé"}],"stream":true}'.encode()
    assert call.headers == (("content-type", "application/json"), ("accept", "application/x-ndjson, application/json"))


def test_everything_a_chat_can_carry() -> None:
    request = ChatRequest(
        "m",
        (
            ChatMessage("system", "s"),
            ChatMessage("user", "u", images=(b"\x00\xff",)),
            ChatMessage("assistant", "", thinking="t", tool_calls=(ToolCall("f", {"a": 1}, "call_1"),)),
            ChatMessage("tool", "r", tool_name="f"),
        ),
        keep_alive_ns=1_800_000_000_001,
        options={"num_ctx": 8192},
        think="high",
        format={"type": "object"},
        tools=({"type": "function"},),
    )
    assert json.loads(wire.chat_call(request, stream=False).body) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u", "images": ["AP8="]},
            {
                "role": "assistant",
                "content": "",
                "thinking": "t",
                "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": {"a": 1}}}],
            },
            {"role": "tool", "content": "r", "tool_name": "f"},
        ],
        "stream": False,
        "tools": [{"type": "function"}],
        "think": "high",
        "format": {"type": "object"},
        "options": {"num_ctx": 8192},
        "keep_alive": "30m1ns",
    }


@pytest.mark.parametrize(
    ("keep_alive_ns", "sent"), [(0, 0), (-1, -1), (-5_000_000_000, -1), (1_800_000_000_000, "30m")]
)
def test_keep_alive_as_sent(keep_alive_ns: int, sent: str | int) -> None:
    call = wire.generate_call(GenerateRequest("m", "p", keep_alive_ns=keep_alive_ns), stream=True)
    assert json.loads(call.body)["keep_alive"] == sent


def test_no_keep_alive_sends_nothing_and_think_false_is_sent() -> None:
    body = json.loads(wire.generate_call(GenerateRequest("m", "p", think=False), stream=True).body)
    assert body == {"model": "m", "prompt": "p", "stream": True, "think": False}


def test_everything_a_generate_can_carry() -> None:
    request = GenerateRequest("m", "p", "sys", "end", raw=True, context=(1, 2), images=(b"i",), format="json")
    assert json.loads(wire.generate_call(request, stream=False).body) == {
        "model": "m", "prompt": "p", "stream": False, "system": "sys", "suffix": "end", "context": [1, 2], "raw": True,
        "images": ["aQ=="], "format": "json",
    }  # fmt: skip


def test_load_unload_and_show() -> None:
    assert wire.load_call("m", None, None).body == b'{"model":"m","stream":false}'
    assert wire.load_call("m", -1, {"num_ctx": 1}).body == (
        b'{"model":"m","stream":false,"options":{"num_ctx":1},"keep_alive":-1}'
    )
    assert wire.unload_call("m").body == b'{"model":"m","stream":false,"keep_alive":0}'
    assert wire.show_call("m", in_full=False).body == b'{"model":"m"}'
    assert wire.show_call("m", in_full=True).body == b'{"model":"m","verbose":true}'
    assert wire.get_call("/api/ps").body == b""


def test_a_load_that_would_unload_is_refused() -> None:
    with pytest.raises(UsageError, match="keep_alive of 0, which unloads it"):
        wire.load_call("m", 0, None)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ChatRequest("m", (ChatMessage("user", "a\ud83d"),)), r"half a character \(U\+D83D\)"),
        (ChatRequest("m", (), options={"temperature": float("nan")}), "not JSON compliant|JSON"),
        (ChatRequest("m", (), options={"stop": {1, 2}}), "cannot be written as JSON"),
    ],
)
def test_what_json_cannot_say_is_an_input_error(request_: ChatRequest, why: str) -> None:
    with pytest.raises(InputError, match=why):
        wire.chat_call(request_, stream=True)


def test_equal_requests_are_equal_bytes() -> None:
    def body() -> bytes:
        options: dict[str, Any] = {"seed": 1, "num_ctx": 2}
        return wire.chat_call(ChatRequest("m", (ChatMessage("user", "x"),), 5, options), stream=True).body

    assert body() == body()
