"""Which requests belong to one conversation, found by their messages. Pure.

A client sends the whole conversation each time. So a request whose first messages are all messages of an earlier
request goes on from it. Only marks of them are kept, and only those of the latest conversations.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_REMEMBERED = 20_000
_WRITTEN = json.JSONEncoder(sort_keys=True).encode  # `dumps` makes an encoder for every message


@dataclass(slots=True)
class Turn:
    """A request of a conversation; `tokens` (prompt and answer) becomes known with the end of its answer."""

    session: str
    shared_tokens: int | None
    tokens: int | None = None


class _Answered(NamedTuple):
    """The last prompt of a session that was answered: how many messages, their mark, prompt and answer in tokens."""

    messages: int
    mark: int
    tokens: int
    shared_tokens: int | None


class Sessions:
    """The conversations of one recording. `name` makes its sessions unlike those of other recordings in one file.

    The latest `most` turns are remembered, some 400 bytes each, and of so many sessions that have a name the last one.
    """

    def __init__(self, name: str, most: int = MOST_REMEMBERED) -> None:
        self._name = name
        self._most = most
        self._count = 0
        self._turns: OrderedDict[int, Turn] = OrderedDict()
        self._answered: OrderedDict[str, _Answered] = OrderedDict()

    def place(self, messages: Sequence[Any]) -> Turn:
        """The turn that these messages are. Messages are whatever the client sent, as JSON."""
        marks = _marks(messages)
        before = next((self._turns[each] for each in reversed(marks[:-1]) if each in self._turns), None)
        if before is None:
            self._count += 1
            turn = Turn(f"{self._name}-{self._count}", None)
        else:
            turn = Turn(before.session, before.tokens)
        if marks:
            self._turns[marks[-1]] = turn
            self._turns.move_to_end(marks[-1])
        while len(self._turns) > self._most:
            self._turns.popitem(last=False)
        return turn

    def follow(self, session: str, messages: Sequence[Any], tokens: int | None) -> int | None:
        """How many tokens of this prompt of a named session stood in its last one and that one's answer, if any did.

        `tokens` are those of the prompt and its own answer, None if it was not answered; then it is not remembered.
        """
        marks = _marks(messages)
        if not marks:
            return None
        before, shared = self._answered.get(session), None
        if before is not None and before.messages <= len(marks) and marks[before.messages - 1] == before.mark:
            shared = before.tokens if before.messages < len(marks) else before.shared_tokens  # or asked once more
        if tokens is not None:
            self._answered[session] = _Answered(len(marks), marks[-1], tokens, shared)
            self._answered.move_to_end(session)
            if len(self._answered) > self._most:
                self._answered.popitem(last=False)
        return shared


def _marks(messages: Sequence[Any]) -> list[int]:
    """One for each number of first messages: of who said what, whatever else the client adds.

    Python's own hash: 61 bits that nobody outside of the process can aim at, ten times as fast as a digest of JSON.
    """
    mark, marks = 0, []
    for message in messages:
        role, content = (message.get("role"), message.get("content")) if isinstance(message, dict) else (None, message)
        if isinstance(role, str) and isinstance(content, str):
            mark = hash((mark, role, content))
        else:
            mark = hash((mark, _WRITTEN((role, content))))
        marks.append(mark)
    return marks
