"""What a session consists of, as frozen records. Times of a day are nanoseconds since 1970, others are durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.ollama.types import ChatMessage

Outcome = Literal["answered", "cancelled", "failed"]
OWN_ID = r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}"
_ID = re.compile(OWN_ID)
_FULL_ID = re.compile(rf"(?:\S{{1,255}}/)?{OWN_ID}")
SHAPE_OF_ID = "a session's id is up to 128 letters, digits and any of . _ : @ + -, beginning with a letter or digit"


def session_of_key(key_name: str | None, session_id: str) -> str:
    """The full id of a session: `KEY/ID` for a client with an API key, so that no key reaches another's sessions.

    Raises:
        UsageError: that is no id.
    """
    if not _ID.fullmatch(session_id):
        raise UsageError(SHAPE_OF_ID)
    return session_id if key_name is None else f"{key_name}/{session_id}"


def checked_id(session_id: str) -> str:
    """The full id as it is, if it is one. Raises UsageError."""
    if not _FULL_ID.fullmatch(session_id):
        raise UsageError(SHAPE_OF_ID)
    return session_id


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a session and what became of it, as it is stored.

    `said` are the request's own messages (the user's, or results of tools; no history), `answer` what the model said,
    None if it said nothing. A cancelled or failed exchange is kept with whatever came, but is no part of the history.
    `found`: hit, cold or reload. `first_token_ns` and `total_ns` count from the arrival of the request, `queue_ns` and
    `load_ns` are parts of them. `prompt_weight` is that of the composition that was sent; with `prompt_tokens` it
    teaches the model's token counts. `prompt_cached`: whether the server had the beginning of the prompt in its prefix
    cache, None if that cannot be told. `request_key` is the client's own name of the request: one that comes again
    under the same key is not answered twice; `request_digest` tells whether it is the same request.
    """

    said: tuple[ChatMessage, ...]
    answer: ChatMessage | None
    model: str
    reason: str
    started_ns: int
    outcome: Outcome = "answered"
    error: str | None = None
    model_asked: str | None = None
    rule: int | None = None
    found: str | None = None
    done_reason: str | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    prompt_weight: float | None = None
    prompt_cached: bool | None = None
    queue_ns: int | None = None
    load_ns: int | None = None
    first_token_ns: int | None = None
    total_ns: int | None = None
    request_key: str | None = None
    request_digest: str | None = None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message of the history. `end_bytes` is the text of the history up to and with it, in UTF-8.

    `weight` is that of `toolkit.gateway.weight`, measured when it was stored.
    """

    position: int
    message: ChatMessage
    end_bytes: int
    weight: float
    at_ns: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said up to and with the message at `through`, in the words of a model."""

    through: int
    text: str
    model: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class History:
    """What a model that answers next is to know: the newest messages, oldest first, and the summaries, oldest first.

    `system` is the last system message that the client sent, wherever in the session; `omitted` counts the older
    messages of the session that are not in `messages`.
    """

    session_id: str
    messages: tuple[StoredMessage, ...] = ()
    summaries: tuple[Summary, ...] = ()
    system: str | None = None
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a list shows it. `models` are those that answered, the one with the most turns first."""

    id: str
    created_ns: int
    used_ns: int
    turns: int
    messages: int
    text_bytes: int
    models: tuple[tuple[str, int], ...]
    title: str
    """The beginning of the first thing that the user said."""


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn as it was stored, with its number in the session and the positions of its messages."""

    number: int
    exchange: Exchange
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that a search found; `score` is BM25, higher is better, `snippet` the words around with [marks]."""

    session_id: str
    position: int
    role: str
    at_ns: int
    score: float
    snippet: str
    content: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a session that may matter to a question; a higher `score` is better."""

    position: int
    role: str
    content: str
    score: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One prompt that a model counted: its weight as composed, and its tokens."""

    model: str
    weight: float
    tokens: int
