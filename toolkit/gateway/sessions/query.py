"""What people type into a search, as a query of the full-text index. Pure.

The index has a language of its own (`AND`, `NEAR`, `*`, `column:`). None of it is passed on: every word goes as a
quoted string, so that no text is an error or a command. Only "double quotes" keep their everyday meaning, a phrase.
"""

from __future__ import annotations

import re

_PHRASE_OR_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
MOST_WORDS = 64
"""A pasted page is searched by its first words; each more costs a look-up."""
_SHORTEST = 3
"""Shorter words (`a`, `is`) say nothing of what a message is about."""


def all_of(text: str) -> str | None:
    """Messages that have every word and phrase of the text; None if it has none."""
    wanted = [phrase or word for phrase, word in _PHRASE_OR_WORD.findall(text)]
    quoted = [_quoted(each) for each in wanted if _has_word(each)]
    return " AND ".join(quoted[:MOST_WORDS]) or None


def any_of(text: str) -> str | None:
    """Messages that have some of the words, for ranking by how many and how rare; None if it has none."""
    words = dict.fromkeys(word.lower() for word in re.findall(r"\w+", text) if len(word) >= _SHORTEST)
    return " OR ".join(_quoted(word) for word in list(words)[:MOST_WORDS]) or None


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""').replace("\0", " ")
    return f'"{doubled}"'


def _has_word(text: str) -> bool:
    """Whether the tokenizer of the index would find a word in it; a query of marks alone matches nothing."""
    return any(char.isalnum() for char in text)
