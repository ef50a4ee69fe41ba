"""How heavy a text is: about its tokens in a typical vocabulary, told from its characters alone. Pure, additive, fast.

The unit is a token of no model in particular; `ModelTokens` learns what a model makes of it. Weights by class, because
classes differ more than models do: a vocabulary of 32,000 to 256,000 pieces has a token for four or five letters of
English, but for one to three digits, one or two marks, and between half and two characters of other scripts.
"""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.ollama.types import ChatMessage

MESSAGE_WEIGHT = 6.0
"""What a template puts around a message: role, marks of beginning and end."""
FRAME_WEIGHT = 12.0
"""What a template puts around the whole: its beginning, and the head of the answer."""
IMAGE_WEIGHT = 1024.0
"""Vision models make 250 to 2,900 tokens of a picture; this is learned with everything else."""

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_MARKS = string.punctuation.encode()
_CONTINUED = bytes(range(0x80, 0xC0))
_TWO_BYTES = bytes(range(0xC0, 0xE0))
_THREE_BYTES = bytes(range(0xE0, 0xF0))
_FOUR_BYTES = bytes(range(0xF0, 0x100))
_CLASSES = (
    (_LETTERS, 0.24),
    (_DIGITS, 0.7),
    (_MARKS, 0.6),
    (_TWO_BYTES, 0.6),  # Greek, Cyrillic, Hebrew, Arabic, letters with accents
    (_THREE_BYTES, 1.2),  # most of Asia, typographic marks
    (_FOUR_BYTES, 3.0),  # emoji
    (_CONTINUED, 0.0),
)
_OTHER = 0.1
"""Blanks: a word has its own in front of it, runs of them are one token."""


def text_weight(text: str) -> float:
    """The weight of a text; that of two texts together is the sum."""
    rest = text.encode("utf-8", "replace")
    weight = 0.0
    for members, each in _CLASSES:
        if not rest:
            break
        left = rest.translate(None, members)
        weight += each * (len(rest) - len(left))
        rest = left
    return weight + _OTHER * len(rest)


def message_weight(message: ChatMessage) -> float:
    """The weight of a message as it is sent: its text, calls, pictures and what the template puts around it."""
    weight = MESSAGE_WEIGHT + text_weight(message.content) + IMAGE_WEIGHT * len(message.images)
    for call in message.tool_calls:
        weight += MESSAGE_WEIGHT + text_weight(call.name) + text_weight(json.dumps(call.arguments, default=str))
    return weight + (text_weight(message.tool_name) if message.tool_name else 0.0)


def messages_weight(messages: Iterable[ChatMessage]) -> float:
    """The sum over messages, without the frame."""
    return sum(map(message_weight, messages))
