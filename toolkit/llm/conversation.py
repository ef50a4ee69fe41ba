"""A conversation that goes on while the model changes: one history for all of them. Pure.

A question that was not answered to its end leaves no trace, so that the next model is not shown half a turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.llm.parts import Question
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from toolkit.llm.parts import LLMAnswer


class Conversation:
    """What was said so far, and which model is to answer; `model` None leaves the choice to the router."""

    def __init__(self, model: str | None = None) -> None:
        self.model = model
        self._turns: list[ChatMessage] = []

    @property
    def turns(self) -> tuple[ChatMessage, ...]:
        """Questions and answers in turn, ending with an answer."""
        return tuple(self._turns)

    def question(self, text: str) -> Question:
        """The whole history with a new question at its end."""
        return Question((*self._turns, ChatMessage("user", text)), model=self.model)

    def answered(self, text: str, answer: LLMAnswer) -> None:
        """Keep a question and its answer; what a model thought meanwhile is its own, and left out."""
        self._turns += [ChatMessage("user", text), ChatMessage("assistant", answer.text)]

    def reset(self) -> None:
        """Forget everything that was said; the choice of the model stays."""
        self._turns.clear()
