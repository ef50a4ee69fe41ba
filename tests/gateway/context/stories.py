"""Conversations for the tests of the context: made by hand, and by hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from toolkit.gateway.context import Budget, ContextParts, Excerpt, HeadPart, ModelTokens
from toolkit.gateway.sessions import History, StoredMessage, Summary
from toolkit.gateway.sessions.rows import text_bytes
from toolkit.gateway.weight import message_weight
from toolkit.ollama.types import ChatMessage, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def assistant(text: str, *calls: str) -> ChatMessage:
    return ChatMessage("assistant", text, tool_calls=tuple(ToolCall(name, {"of": name}) for name in calls))


def result(name: str, text: str = "done") -> ChatMessage:
    return ChatMessage("tool", text, tool_name=name)


def history(messages: Iterable[ChatMessage], *summaries: Summary, keep: int | None = None) -> History:
    """The history of these messages; `keep` of them, the newest, are read."""
    end_bytes, stored = 0, []
    for position, message in enumerate(messages):
        end_bytes += text_bytes(message)
        stored.append(StoredMessage(position, message, end_bytes, message_weight(message), position))
    kept = stored if keep is None else stored[-keep:]
    system = next((each.message.content for each in reversed(stored) if each.message.role == "system"), None)
    return History("s", tuple(kept), tuple(summaries), system, len(stored) - len(kept))


def talk(count: int, words: int = 20) -> list[ChatMessage]:
    """So many questions with their answers, each of so many words."""
    return [
        each
        for number in range(count)
        for each in (user(f"question {number} " + "word " * words), assistant(f"answer {number} " + "word " * words))
    ]


_TEXT = st.text(alphabet=st.sampled_from("abc é日😀 0189.,{}\n"), max_size=300)


@st.composite
def exchanges(draw: st.DrawFn) -> list[ChatMessage]:
    """A question, maybe some rounds of tool calls, an answer."""
    said = [user(draw(_TEXT))]
    for round_ in range(draw(st.integers(0, 2))):
        names = [f"tool{round_}{number}" for number in range(draw(st.integers(1, 2)))]
        said += [assistant(draw(_TEXT), *names), *(result(name, draw(_TEXT)) for name in names)]
    return [*said, assistant(draw(_TEXT))]


def conversations(most: int = 20) -> st.SearchStrategy[list[ChatMessage]]:
    """Whole conversations."""
    return st.lists(exchanges(), max_size=most).map(lambda parts: [message for part in parts for message in part])


@st.composite
def all_parts(draw: st.DrawFn) -> ContextParts:
    """Heads and excerpts of any size."""
    head = [HeadPart("system", draw(_TEXT))] if draw(st.booleans()) else []
    head += [
        HeadPart(f"{name}.md", draw(_TEXT), draw(st.integers(0, 400)))
        for name in ("A", "B", "C")[: draw(st.integers(0, 3))]
    ]
    excerpts = [
        Excerpt(position, "user", draw(_TEXT), "found") for position in draw(st.sets(st.integers(0, 60), max_size=5))
    ]
    return ContextParts(tuple(head), tuple(excerpts), draw(st.sampled_from(("", '[{"name":"tool"}]'))))


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    """Contexts from hopeless to roomy, of models of which more or less is known."""
    known = ModelTokens()
    for weight, ratio in draw(st.lists(st.tuples(st.floats(1, 5000), st.floats(0.1, 4)), max_size=12)):
        known = known.observed(weight, int(weight * ratio) + 1)
    context = draw(st.integers(16, 6000))
    answer = draw(st.integers(0, context // 2))
    most = draw(st.integers(1, 64))
    return Budget(context, answer, known, most, draw(st.integers(0, 500)), draw(st.integers(0, 500)))
