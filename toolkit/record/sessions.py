"""Which requests belong to one conversation, found by their messages. Pure.

A client sends the whole conversation each time. So a request whose first messages are all messages of an earlier
request goes on from it. Only digests are kept, and only those of the latest conversations.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


class Sessions:
    """The conversations of one recording. `name` makes its sessions unlike those of other recordings in one file.

    The latest `most` turns are remembered, some 400 bytes each.
    """

    def __init__(self, name: str, most: int = MOST_REMEMBERED) -> None:
        self._name = name
        self._most = most
        self._count = 0
        self._turns: OrderedDict[bytes, Turn] = OrderedDict()

    def place(self, messages: Sequence[Any]) -> Turn:
        """The turn that these messages are. Messages are whatever the client sent, as JSON."""
        digests = _digests(messages)
        before = next((self._turns[each] for each in reversed(digests[:-1]) if each in self._turns), None)
        if before is None:
            self._count += 1
            turn = Turn(f"{self._name}-{self._count}", None)
        else:
            turn = Turn(before.session, before.tokens)
        if digests:
            self._turns[digests[-1]] = turn
            self._turns.move_to_end(digests[-1])
        while len(self._turns) > self._most:
            self._turns.popitem(last=False)
        return turn


def _digests(messages: Sequence[Any]) -> list[bytes]:
    """One for each number of first messages: of who said what, whatever else the client adds."""
    running, digests = hashlib.blake2b(digest_size=16), []
    for message in messages:
        said = (message.get("role"), message.get("content")) if isinstance(message, dict) else message
        running.update(_WRITTEN(said).encode() + b"\n")
        digests.append(running.digest())
    return digests
