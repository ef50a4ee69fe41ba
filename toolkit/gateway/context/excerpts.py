"""Older messages that may matter to the question: which of those found are told, and how. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.gateway.weight import text_weight
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.gateway.context.parts import Excerpt

HEADING = "From earlier in this conversation, for reference:"
_HEADING_WEIGHT = text_weight(HEADING)
LONGEST = 800
"""Characters of one message; what matters of a long one is mostly at its beginning."""
_FUSED = 60
"""The constant of reciprocal rank fusion. Source: Cormack, Clarke, Buettcher, SIGIR 2009."""


def chosen_excerpts(ranked: Sequence[Excerpt], room: float) -> tuple[Excerpt, ...]:
    """As many as fit into `room` (a weight), the most relevant first; in the order in which they were said."""
    chosen: list[Excerpt] = []
    left = room - _HEADING_WEIGHT
    for excerpt in ranked:
        weight = text_weight(f"\n{_line(excerpt)}")
        if weight <= left:
            chosen.append(excerpt)
            left -= weight
    return tuple(sorted(chosen, key=lambda each: each.position))


def excerpts_message(excerpts: Sequence[Excerpt]) -> ChatMessage | None:
    """The excerpts as a message in front of the request, None for none.

    It is the user's and not the system's: many templates move every system text to the very beginning, where a text
    that changes with each question would spoil the whole prefix.
    """
    if not excerpts:
        return None
    return ChatMessage("user", "\n".join((HEADING, *map(_line, excerpts))))


def fused(rankings: Sequence[Sequence[int]]) -> Mapping[int, float]:
    """One score for each position out of several rankings (best first), the best position first."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, position in enumerate(ranking, start=1):
            scores[position] = scores.get(position, 0.0) + 1 / (_FUSED + rank)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], -item[0])))


def _line(excerpt: Excerpt) -> str:
    text = " ".join(excerpt.text.split())
    return f"- {excerpt.role}: {text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}"
