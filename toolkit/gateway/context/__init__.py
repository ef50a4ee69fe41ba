"""What a model is given to read: small parts, each with a budget of tokens, and a report of what was kept and why.

`docs/sessions.md` tells the rules.
"""

from toolkit.gateway.context.compose import compose
from toolkit.gateway.context.parts import (
    Budget,
    Composition,
    ContextOverflowError,
    ContextParts,
    ContextReport,
    Excerpt,
    HeadPart,
    PartReport,
)
from toolkit.gateway.context.room import effective_context
from toolkit.gateway.context.tokens import ModelTokens

__all__ = [
    "Budget",
    "Composition",
    "ContextOverflowError",
    "ContextParts",
    "ContextReport",
    "Excerpt",
    "HeadPart",
    "ModelTokens",
    "PartReport",
    "compose",
    "effective_context",
]
