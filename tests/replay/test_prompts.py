"""What is said to a real host has the planned length, the session's history, and no accidental prefix hits."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from toolkit.ollama.types import ChatMessage
from toolkit.replay.prompts import Conversations, made_up_text
from toolkit.workload.plan import PlannedRequest

REQUEST = PlannedRequest(
    id="r1", at_ns=0, after=None, think_ns=0, text="hello", system="be brief", prompt_tokens=50,
    shared_prefix_tokens=0, output_tokens=5, model=None, label=None, session="s",
)  # fmt: skip


def test_a_session_carries_its_history_whoever_answers() -> None:
    talks = Conversations()
    talks.answered(REQUEST, ChatMessage("assistant", "hi"))
    said = talks.messages(replace(REQUEST, id="r2", text="and now?"))
    assert [(one.role, one.content) for one in said] == [
        ("system", "be brief"),
        ("user", "hello"),
        ("assistant", "hi"),
        ("user", "and now?"),
    ]


def test_requests_without_a_session_have_no_history() -> None:
    talks = Conversations()
    alone = replace(REQUEST, session=None, system=None)
    talks.answered(alone, ChatMessage("assistant", "hi"))
    assert [one.role for one in talks.messages(alone)] == ["user"]


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_a_made_up_text_has_the_planned_number_of_words(prompt_tokens: int, shared: int) -> None:
    shared = min(shared, prompt_tokens)
    request = replace(REQUEST, text="", prompt_tokens=prompt_tokens, shared_prefix_tokens=shared)
    words = made_up_text(request).split()
    assert prompt_tokens <= len(words) <= prompt_tokens + 1


def test_made_up_texts_share_what_the_plan_says_and_no_more() -> None:
    one = replace(REQUEST, text="", prompt_tokens=100, shared_prefix_tokens=40)
    first, second = (made_up_text(replace(one, id=name)).split() for name in ("a", "b"))
    same = next(place for place, (x, y) in enumerate(zip(first, second, strict=True)) if x != y)
    assert same == 40
