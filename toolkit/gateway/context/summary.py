"""The running summary: what to summarise now, and how to ask for it. Pure.

A summary is written before it is needed, when the window is more than half full: it tells everything up to the place to
which the window will move next, out of the summary before it and the messages since. So the window moves to a summary
that is there already, the head of the context changes only when the window moves, and no answer waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.gateway.weight import text_weight
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from toolkit.gateway.context.parts import WindowReport
    from toolkit.gateway.sessions.records import History, StoredMessage, Summary

FULL_ENOUGH = 0.6
_LONGEST = 1500
"""Characters of one message; a page that was pasted is not retold word by word."""
_INSTRUCTION = (
    "You keep the notes of a conversation. Write one new text that replaces the notes so far. Keep names, numbers,"
    " dates, decisions, wishes of the user and open questions; leave out courtesies. Write plain sentences, in the"
    " language of the conversation, at most {words} words. Write the notes only."
)
_TOKENS_A_WORD = 1.5


@dataclass(frozen=True, slots=True)
class SummaryJob:
    """Messages to be told, together with what the summary before them told."""

    session_id: str
    before: Summary | None
    messages: tuple[StoredMessage, ...]

    @property
    def through(self) -> int:
        """The position of the last message that the new summary tells."""
        return self.messages[-1].position


def due(history: History, window: WindowReport) -> SummaryJob | None:
    """What is to be summarised now, after a composition with this window; None if nothing is.

    Either what fell out already and is not told, or, when the window is nearly full, what will fall out next.
    """
    places = [window.start]
    if window.fill >= FULL_ENOUGH:
        places.append(window.next_start)
    end = max((place for place in places if place is not None), default=0)
    before = next((each for each in reversed(history.summaries) if each.through < end), None)
    first = 0 if before is None else before.through + 1
    messages = tuple(
        each for each in history.messages if first <= each.position < end and each.message.role in {"user", "assistant"}
    )
    return SummaryJob(history.session_id, before, messages) if messages else None


def request_for(
    job: SummaryJob, capacity: float, most_tokens: int
) -> tuple[SummaryJob, tuple[ChatMessage, ...]] | None:
    """What to send so that a model with room for this weight writes the summary; None if it has too little room.

    The job that comes back is what fits: of a long one the beginning, and the rest is due the next time.
    """
    notes = "none yet" if job.before is None else job.before.text
    instruction = _INSTRUCTION.format(words=max(int(most_tokens / _TOKENS_A_WORD), 20))
    frame = f"Notes so far:\n{notes}\n\nThe conversation since:\n"
    room = capacity - text_weight(instruction) - text_weight(frame)
    told: list[StoredMessage] = []
    lines: list[str] = []
    for each in job.messages:
        line = _line(each.message)
        room -= text_weight(line) + 1
        if room < 0:
            break
        told.append(each)
        lines.append(line)
    if not told:
        return None
    request = (ChatMessage("system", instruction), ChatMessage("user", frame + "\n".join(lines)))
    return SummaryJob(job.session_id, job.before, tuple(told)), request


def _line(message: ChatMessage) -> str:
    text = " ".join(message.content.split())
    calls = "".join(f" [called {call.name}]" for call in message.tool_calls)
    return f"{message.role}: {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}{calls}"
