"""What people type into a search, as a query of the full-text index. Pure.

The index has a language of its own (`AND`, `NEAR`, `*`, `column:`). None of it is passed on: every word goes as a
quoted string, so that no text is an error or a command. Only "double quotes" keep their everyday meaning, a phrase.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PHRASE_OR_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
MOST_WORDS = 64
"""A pasted page is searched by its first words; each more costs a look-up."""
_SHORTEST = 3
"""Shorter words (`a`, `is`) say nothing of what a message is about."""
_SAYS_NOTHING = frozenset(
    re.findall(
        r"\w+",
        "about and any are but can could did does for from had has have her him his how its know must not our please "
        "say she should tell than that the their them then there these they this was were what when where which who "
        "why will with would you your",
    )
)
"""English words that questions are made of. Among few messages their being common does not show, and they would find
whatever has `the` in it. In other languages only the ranking keeps such words down."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]+"
)
"""Runs of scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and Korean, whose words have
endings: to the index each run is one word, which no other sentence has."""
MOST_PAIRS = 32


def all_of(text: str) -> str | None:
    """Messages that have every word and phrase of the text; None if it has none."""
    return " AND ".join(map(_quoted, words_of(text))) or None


def words_of(text: str) -> tuple[str, ...]:
    """Its words and phrases."""
    wanted = (phrase or word for phrase, word in _PHRASE_OR_WORD.findall(text))
    return tuple(each for each in wanted if _has_word(each))[:MOST_WORDS]


def telling_words(text: str) -> tuple[str, ...]:
    """Those that say what it is about, each once."""
    found = (word.lower() for word in re.findall(r"\w+", text) if len(word) >= _SHORTEST)
    return tuple(dict.fromkeys(word for word in found if word not in _SAYS_NOTHING))[:MOST_WORDS]


def any_of(words: Iterable[str]) -> str:
    """Messages that have some of the words."""
    return " OR ".join(map(_quoted, words))


def pairs_of(text: str) -> tuple[str, ...]:
    """Neighbouring characters of the runs that have no spaces, each pair once; a lone character stands for itself."""
    pairs: dict[str, None] = {}
    for run in _UNSPACED.findall(text):
        pairs.update(dict.fromkeys(run[start : start + 2] for start in range(max(len(run) - 1, 1))))
    return tuple(pairs)[:MOST_PAIRS]


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""').replace("\0", " ")
    return f'"{doubled}"'


def _has_word(text: str) -> bool:
    """Whether the tokenizer of the index would find a word in it; a query of marks alone matches nothing."""
    return any(char.isalnum() for char in text)
