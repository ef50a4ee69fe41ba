"""Which of a session's messages tell the most about some words: BM25 among those that have any of them. Pure.

The index's own BM25 weighs a word by how many messages of all sessions have it, and counts them for each question: with
many sessions that takes longer than an answer may wait, and what is rare among all may be in every message of this one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WORD = re.compile(r"[^\W_]+")
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_SATURATION, _BY_LENGTH = 1.2, 0.75
"""`k1` and `b` of BM25, as SQLite's FTS5 has them."""


def words_in(text: str) -> list[str]:
    """The words as the index tells them apart: without case and accents."""
    if text.isascii():
        return text.translate(_ASCII).split()  # a third of what the pattern takes
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return _WORD.findall(plain.lower())


def scores(texts: Sequence[str], words: Iterable[str], messages: int) -> list[float]:
    """How much each of the texts has of the words, of a session of so many messages; higher is better."""
    found, lengths = [], []
    wanted = frozenset(each for word in words for each in words_in(word))
    for text in texts:
        told = words_in(text)
        lengths.append(len(told))
        found.append(_counted(told, wanted))
    having = {word: sum(word in counts for counts in found) for word in wanted}
    rarity = {word: math.log(1 + (max(messages, n) - n + 0.5) / (n + 0.5)) for word, n in having.items()}
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    return [
        _score(counts, rarity, length / mean if mean else 1.0) for counts, length in zip(found, lengths, strict=True)
    ]


def _counted(told: Iterable[str], wanted: frozenset[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in filter(wanted.__contains__, told):
        counts[word] = counts.get(word, 0) + 1
    return counts


def _score(counts: Mapping[str, int], rarity: Mapping[str, float], length: float) -> float:
    floor = _SATURATION * (1 - _BY_LENGTH + _BY_LENGTH * length)
    return sum(rarity[word] * count * (_SATURATION + 1) / (count + floor) for word, count in counts.items())
