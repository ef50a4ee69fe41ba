"""The values that `compose` takes and gives, as frozen records. Tokens are upper bounds unless called estimates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from toolkit.errors import UsageError
from toolkit.gateway.context.tokens import ModelTokens

if TYPE_CHECKING:
    from toolkit.ollama.types import ChatMessage

Kept = Literal["whole", "cut", "dropped", "refused", "absent"]


class ContextOverflowError(UsageError):
    """What must be sent is longer than the model's context."""


@dataclass(frozen=True, slots=True)
class HeadPart:
    """A text for the head of the context: the system prompt, a file of the workspace or of the memory.

    `budget_tokens` None: it is never cut. `refused` says why it may not be used; then `text` is empty.
    """

    name: str
    text: str
    budget_tokens: int | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An older message that may matter to what is asked now, with the reason why it is thought so."""

    position: int
    role: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ContextParts:
    """Everything but the history and the request. `excerpts` are the most relevant first.

    `tools` are the descriptions of tools as they are sent; they take room, too.
    """

    head: tuple[HeadPart, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    tools: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much there is room for, in tokens, and what is known of the model's tokens.

    `summary_tokens` and `relevant_tokens` are the budgets of these parts; `recent_messages` the most messages that are
    sent as they were. None of them takes more than an eighth (recent: the rest) of the room.
    """

    context_tokens: int
    answer_tokens: int
    tokens: ModelTokens = field(default_factory=ModelTokens)
    recent_messages: int = 64
    summary_tokens: int = 512
    relevant_tokens: int = 1024

    @property
    def room_tokens(self) -> int:
        """What the prompt may have."""
        return self.context_tokens - self.answer_tokens


@dataclass(frozen=True, slots=True)
class PartReport:
    """What became of one part. `budget_tokens` None: whatever it needs."""

    name: str
    tokens: int
    budget_tokens: int | None
    kept: Kept
    reason: str


@dataclass(frozen=True, slots=True)
class WindowReport:
    """The messages that are sent as they were: from the one at `start` (a position), None for none.

    `next_start` is where the window will begin when it is full, None if that is not known yet; `fill` how full it is, 1
    for full. `dropped` counts the older messages, `untold` those of them that no summary tells.
    """

    start: int | None
    next_start: int | None
    fill: float
    dropped: int
    untold: int


@dataclass(frozen=True, slots=True)
class ContextReport:
    """What was composed, and why so. `weight` teaches the model's tokens once the server has counted the prompt.

    `certain`: the bound is within the room. Otherwise the request and what must go with it are likely to fit, but
    everything else was left out.
    """

    context_tokens: int
    answer_tokens: int
    bound_tokens: int
    estimate_tokens: int
    weight: float
    certain: bool
    parts: tuple[PartReport, ...]
    window: WindowReport
    summary_through: int | None


@dataclass(frozen=True, slots=True)
class Composition:
    """Exactly what is sent, and the report about it."""

    messages: tuple[ChatMessage, ...]
    report: ContextReport
