from __future__ import annotations

from toolkit.cache.strategy import Directive
from toolkit.llm.conversation import Conversation
from toolkit.llm.parts import LLMAnswer, Route
from toolkit.ollama.types import ChatAnswer, ChatMessage, Counters, Times


def answer(text: str) -> LLMAnswer:
    whole = ChatAnswer("m", text, "let me think", (), "stop", Counters(), Times(0))
    return LLMAnswer(whole, Route("m", "because", None), Directive(), "hits")


def test_every_model_is_shown_the_whole_conversation() -> None:
    talk = Conversation()
    talk.answered("one?", answer("one."))
    talk.model = "other:1b"
    question = talk.question("two?")
    assert question.model == "other:1b"
    assert question.messages == (
        ChatMessage("user", "one?"),
        ChatMessage("assistant", "one."),
        ChatMessage("user", "two?"),
    )


def test_a_question_alone_leaves_no_trace() -> None:
    talk = Conversation()
    talk.question("stopped in the middle?")
    assert talk.turns == ()


def test_reset_forgets_what_was_said_but_not_who_answers() -> None:
    talk = Conversation("m:1b")
    talk.answered("one?", answer("one."))
    talk.reset()
    assert talk.question("two?").messages == (ChatMessage("user", "two?"),)
    assert talk.model == "m:1b"
