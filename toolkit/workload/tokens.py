"""How many tokens a text has, for as long as no tokenizer has seen it."""

from __future__ import annotations

CHARACTERS_PER_TOKEN = 4
"""English prose and source code have 3.5 to 4.5 characters a token with the vocabularies of today's models."""
MESSAGE_OVERHEAD_TOKENS = 4
"""What a chat template puts around each message: a start mark, the role, a line break, an end mark."""


def estimate_message_tokens(text: str) -> int:
    """Tokens of one chat message: a quarter of its code points, rounded up, and the template's share.

    An estimate within about a third for English; a host's own counters replace it wherever it has answered.
    """
    return -(-len(text) // CHARACTERS_PER_TOKEN) + MESSAGE_OVERHEAD_TOKENS
