"""What is really said to a real host: the turns so far and the next message, of about the planned length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from toolkit.workload.plan import PlannedRequest

FILLER = "one and two and three and four and five and six and seven and eight and nine and ten and "
"""Common short words are one token each in every tokenizer, so words are a fair measure of tokens."""
_ONE_BY_ONE = tuple(FILLER.split())


class Conversations:
    """The turns of each session, shared by all models that answer in it. One driver owns it."""

    def __init__(self) -> None:
        self._turns: dict[str, list[ChatMessage]] = {}

    def messages(self, request: PlannedRequest) -> tuple[ChatMessage, ...]:
        """System prompt, earlier turns, and the request's own message; a request of a trace gets a made-up one."""
        system = (ChatMessage("system", request.system),) if request.system else ()
        before = tuple(self._turns.get(request.session, ())) if request.session is not None else ()
        return (*system, *before, ChatMessage("user", request.text or made_up_text(request)))

    def answered(self, request: PlannedRequest, answer: ChatMessage) -> None:
        """Remember a turn that got its answer; only texts that people wrote make conversations."""
        if request.session is not None and request.text:
            turns = self._turns.setdefault(request.session, [])
            turns += [ChatMessage("user", request.text), ChatMessage("assistant", answer.content)]


def made_up_text(request: PlannedRequest) -> str:
    """A text of about `prompt_tokens` words; what the session's previous request shared with it comes first.

    The request's id stands behind the shared part, so that nothing else can come out of a prefix cache.
    """
    shared = min(request.shared_prefix_tokens, request.prompt_tokens)
    opening = _words(shared, request.session or request.id)
    rest = _words(max(request.prompt_tokens - shared, 1), request.id)
    return f"{opening} {rest}".strip()


def _words(count: int, name: str) -> str:
    if count <= 0:
        return ""
    whole, part = divmod(count - 1, len(_ONE_BY_ONE))
    return f"{name} {FILLER * whole}{' '.join(_ONE_BY_ONE[:part])}".rstrip()
