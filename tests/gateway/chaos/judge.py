"""The judgement: what clients were told, what the sessions hold, and what the twin saw must agree."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.gateway.chaos.crowd import DEADLINE_S, LATE_S
from toolkit.gateway.sessions.book import SessionBook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from tests.gateway.chaos.crowd import Crowd, Message

Stored = dict[str, list[tuple[str, str]]]
"""By session, its answered turns in order: what was said, and the answer."""


def stored_in(path: Path, prefix: str) -> Stored:
    """The sessions whose names begin so, as an operator reads them."""
    with SessionBook(path) as book:
        return {
            row.id: [
                (turn.exchange.said[-1].content, "" if turn.exchange.answer is None else turn.exchange.answer.content)
                for turn in book.turns(row.id)
                if turn.exchange.outcome == "answered"
            ]
            for row in book.sessions()
            if row.id.startswith(prefix)
        }


def everybody_was_told_in_time(crowd: Crowd, allowed: Collection[str]) -> None:
    """INV-CLEAR: every attempt came to an answer or to a clear error, and not long after its deadline."""
    wrong = [told for told in crowd.attempts if told.end not in {"answered", *allowed}]
    assert not wrong, f"{crowd.name}: {wrong[:3]} and {len(wrong)} in all, of {crowd.ends()}"
    assert max(told.took_s for told in crowd.attempts) < DEADLINE_S + LATE_S


def nothing_acknowledged_is_lost(messages: Iterable[Message], stored: Stored) -> None:
    """INV-ACK: whatever a client of a session was answered stands in the session, word for word."""
    for message in messages:
        if message.session is not None and message.answer is not None:
            assert (message.text, message.answer) in stored[message.session], message


def nothing_is_answered_twice(stored: Stored) -> None:
    """INV-ONCE: no message has two answers, however often it was sent; and the order is that of the client."""
    for session, turns in stored.items():
        said = [text for text, _ in turns]
        assert not [text for text, count in Counter(said).items() if count > 1], session
        assert said == sorted(said, key=lambda text: int(text.rsplit(" ", 1)[1])), session


def nothing_was_sent_in_secret(crowds: Iterable[Crowd], seen_by_twin: int) -> None:
    """INV-SENT: the host was not asked more often than clients asked."""
    assert seen_by_twin <= sum(len(crowd.attempts) for crowd in crowds)
