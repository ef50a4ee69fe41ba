"""Tokens: the small byte-pair vocabularies of the recorded models, and a plain tokenizer for every other model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

BYTE_TOKENS = 256
_SPACE_MARK = "\u0120"
_PIECES = re.compile(r" ?[^\W\d_]{1,5}|[^\W\d_]{1,5}| ?\d{1,3}|\s+| ?[^\w\s]{1,2}|.", re.DOTALL)
_PIECE_BYTES = 6
"""Ids of so many bytes are still exact in every JSON reader."""
_LENGTHS = _PIECE_BYTES + 1
_WORDS = re.compile(r"[^\W_]+|[^\w\s]|_")


class TokenRangeError(Exception):
    """A token id that the vocabulary does not have; `token` and `size` say which and how many there are."""

    def __init__(self, token: int, size: int) -> None:
        super().__init__(token, size)
        self.token, self.size = token, size


class Tokenizer(Protocol):
    """Text to token ids and back."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, special tokens recognised."""

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens. Raises TokenRangeError."""

    def piece(self, token: int) -> str:
        """The text of one token."""


@dataclass(frozen=True, slots=True)
class WordTokenizer:
    """A tokenizer without a vocabulary: pieces of up to six bytes, whose id is their bytes and length.

    About four characters a token in English, as real vocabularies have; reversible.
    """

    def encode(self, text: str) -> list[int]:
        """Cut at word boundaries and then into short pieces."""
        tokens: list[int] = []
        for found in _PIECES.finditer(text):
            tokens.extend(_short_ids(found[0]))
        return tokens

    def decode(self, tokens: list[int]) -> str:
        """The text of these ids."""
        data = bytearray()
        for token in tokens:
            code, length = divmod(token, _LENGTHS)
            if token < 0 or code >= 1 << (8 * length):
                raise TokenRangeError(token, _LENGTHS << 8 * _PIECE_BYTES)
            data += code.to_bytes(length, "big")
        return data.decode("utf-8", "replace")

    def piece(self, token: int) -> str:
        """The text of one id."""
        return self.decode([token])


@dataclass(frozen=True, slots=True)
class WholeWordTokenizer:
    """One token a word or mark, case ignored: what a word-piece vocabulary makes of words, known or unknown to it."""

    def encode(self, text: str) -> list[int]:
        """The words; an id is the word's bytes behind a leading one."""
        return [int.from_bytes(b"\1" + word.encode("utf-8", "replace"), "big") for word in _WORDS.findall(text.lower())]

    def decode(self, tokens: list[int]) -> str:
        """The words with blanks between them."""
        return " ".join(self.piece(token) for token in tokens)

    def piece(self, token: int) -> str:
        """One word."""
        return token.to_bytes((token.bit_length() + 7) // 8, "big")[1:].decode("utf-8", "replace")


def _short_ids(text: str) -> list[int]:
    """Ids of a text in runs of at most six bytes, whole characters only."""
    ids: list[int] = []
    run = b""
    for char in text:
        data = char.encode("utf-8", "replace")
        if len(run) + len(data) > _PIECE_BYTES:
            ids.append(int.from_bytes(run, "big") * _LENGTHS + len(run))
            run = b""
        run += data
    return [*ids, int.from_bytes(run, "big") * _LENGTHS + len(run)] if run else ids


@dataclass(frozen=True, slots=True)
class ByteVocabulary:
    """Bytes 0 to 255, then the tokens of `extra`: merged pieces (with the mark for a space) or texts taken whole."""

    extra: tuple[str, ...]
    merges: tuple[tuple[int, int], ...]
    """Pairs that merge, in order of rank; pair i makes token 256 + i."""
    special: re.Pattern[str] | None
    ids: dict[str, int]

    @classmethod
    def build(cls, extra: tuple[str, ...]) -> ByteVocabulary:
        """The leading tokens that are made of earlier pieces are merges; all others are taken whole."""
        pieces = [chr(code) if code != ord(" ") else _SPACE_MARK for code in range(BYTE_TOKENS)]
        known = {piece: code for code, piece in enumerate(pieces)}
        merges: list[tuple[int, int]] = []
        whole: dict[str, int] = {}
        for place, text in enumerate(extra):
            pair = _split(text, known) if not whole else None
            if pair is None:
                whole[text] = BYTE_TOKENS + place
            else:
                merges.append(pair)
                known[text] = BYTE_TOKENS + place
        longest_first = sorted(whole, key=len, reverse=True)
        special = re.compile("|".join(re.escape(text) for text in longest_first)) if whole else None
        return cls(extra, tuple(merges), special, whole)

    def encode(self, text: str) -> list[int]:
        """Whole tokens first, the rest by merging bytes."""
        tokens: list[int] = []
        at = 0
        for found in self.special.finditer(text) if self.special else ():
            tokens += self._merged(text[at : found.start()])
            tokens.append(self.ids[found[0]])
            at = found.end()
        return tokens + self._merged(text[at:])

    def _merged(self, text: str) -> list[int]:
        tokens = list(text.encode("utf-8", "replace"))
        for rank, (left, right) in enumerate(self.merges):
            if left not in tokens:
                continue
            out: list[int] = []
            at = 0
            while at < len(tokens):
                if tokens[at] == left and at + 1 < len(tokens) and tokens[at + 1] == right:
                    out.append(BYTE_TOKENS + rank)
                    at += 2
                else:
                    out.append(tokens[at])
                    at += 1
            tokens = out
        return tokens

    def bytes_of(self, token: int) -> bytes:
        """The bytes of one token. Raises TokenRangeError."""
        if 0 <= token < BYTE_TOKENS:
            return bytes([token])
        place = token - BYTE_TOKENS
        if not 0 <= place < len(self.extra):
            raise TokenRangeError(token, BYTE_TOKENS + len(self.extra))
        text = self.extra[place]
        return (text.replace(_SPACE_MARK, " ") if place < len(self.merges) else text).encode()

    def decode(self, tokens: list[int]) -> str:
        """The text of these tokens."""
        return b"".join(self.bytes_of(token) for token in tokens).decode("utf-8", "replace")

    def piece(self, token: int) -> str:
        """The text of one token."""
        return self.bytes_of(token).decode("utf-8", "replace")


def _split(text: str, known: dict[str, int]) -> tuple[int, int] | None:
    """The two earlier pieces that a merged token is made of."""
    for cut in range(len(text) - 1, 0, -1):
        left, right = text[:cut], text[cut:]
        if left in known and right in known:
            return known[left], known[right]
    return None
