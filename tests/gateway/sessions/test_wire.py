"""Messages of a request: read with clear refusals, written as models are sent them, and told once."""

from __future__ import annotations

import pytest

from tests.gateway.context.stories import assistant, history, result, talk, user
from toolkit.errors import UsageError
from toolkit.gateway.sessions.wire import message_data, messages_from, only_new
from toolkit.ollama.types import ChatMessage, ToolCall

SAID = talk(3, 2)


def test_there_and_back() -> None:
    messages = (
        ChatMessage("system", "s"),
        ChatMessage("user", "u", images=(b"\x00\xff",)),
        ChatMessage("assistant", "", tool_calls=(ToolCall("look", {"x": [1]}, "c1"), ToolCall("go", {}))),
        ChatMessage("tool", "r", tool_name="look"),
    )
    assert messages_from([message_data(message) for message in messages]) == messages


def test_what_a_model_thought_is_not_sent_again() -> None:
    assert message_data(ChatMessage("assistant", "a", thinking="hm")) == {"role": "assistant", "content": "a"}
    assert messages_from([{"role": "assistant", "content": None, "thinking": "hm"}]) == (ChatMessage("assistant", ""),)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "a list of messages"),
        (["x"], r"messages\[0\]: a message is an object"),
        ([{"content": "x"}], r"messages\[0\].role: one of"),
        ([{"role": "user", "content": 7}], r"messages\[0\].content: a text"),
        ([{"role": "user", "content": "x", "tool_calls": {}}, {}], "tool_calls|role"),
        ([{"role": "user", "content": "x"}, {"role": "user", "images": ["%"]}], r"messages\[1\].images"),
    ],
)
def test_what_is_no_message_is_refused(given: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        messages_from(given)


def test_a_conversation_that_comes_again_is_told_once() -> None:
    past = history(SAID).messages
    new = (user("new"),)
    assert only_new(past, (*SAID, *new)) == new
    assert only_new(past, (*SAID[2:], *new)) == new  # a client that keeps only the last of it
    assert only_new(past, (ChatMessage("system", "s"), *SAID, *new)) == (ChatMessage("system", "s"), *new)
    called = [user("look"), assistant("", "look")]
    assert only_new(history(called).messages, (*called, result("look"))) == (result("look"),)


def test_new_messages_stay_whatever_they_say() -> None:
    past = history([user("yes"), assistant("ok"), user("yes"), assistant("ok")]).messages
    assert only_new(past, (user("yes"),)) == (user("yes"),)
    assert only_new(past, (user("a"), assistant("b"), user("c"))) == (user("a"), assistant("b"), user("c"))
    assert only_new((), tuple(SAID)) == tuple(SAID)
