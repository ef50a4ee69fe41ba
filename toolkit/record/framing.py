"""Where the messages on a connection begin and end, without changing a byte of them. Pure.

One direction's bytes go in as they come; pieces come out whose `raw` bytes, put together, are exactly those that went
in. What cannot be understood is one `Opaque` piece after the other until the connection ends: a relay must pass it on
all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from toolkit.record.heads import CHUNKED, OPAQUE, UNTIL_CLOSE, Head, NotHttpError, parse_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.record.heads import BodyKind

MOST_HEAD_BYTES = 2 << 20
"""Twice what Go's server takes; whatever is longer is no head."""
_MOST_SIZE_LINE_BYTES = 4096
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;|$)")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Body:
    """A piece of a body: the bytes on the wire, and those of the content among them."""

    raw: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The message is complete."""

    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Bytes of which nothing is known."""

    raw: bytes


Piece: TypeAlias = Head | Body | End | Opaque


class Framer:
    """One direction of one connection. `body_of` says how the body after a head ends; it may raise NotHttpError."""

    def __init__(self, body_of: Callable[[Head], BodyKind]) -> None:
        self._body_of = body_of
        self._held = b""  # of a head, or of a line between chunks
        self._left = 0
        self._step: Callable[[bytes, list[Piece]], bytes] = self._in_head

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body under way is complete when the connection is closed."""
        return self._step == self._until_close

    def feed(self, data: bytes) -> list[Piece]:
        """What these bytes complete. A head is held back until it is whole, everything else goes out at once."""
        pieces: list[Piece] = []
        while data:
            data = self._step(data, pieces)
        return pieces

    def _in_head(self, data: bytes, pieces: list[Piece]) -> bytes:
        searched = max(0, len(self._held) - 3)
        held = self._held + data
        found = _BLANK_LINE.search(held, searched)
        if found is None:
            if len(held) > MOST_HEAD_BYTES:
                return self._give_up(held)
            self._held = held
            return b""
        self._held = b""
        try:
            head = parse_head(held[: found.end()])
            kind = self._body_of(head)
        except NotHttpError:
            return self._give_up(held)
        pieces.append(head)
        self._begin_body(kind, pieces)
        return held[found.end() :]

    def _begin_body(self, kind: BodyKind, pieces: list[Piece]) -> None:
        if kind == CHUNKED:
            self._step = self._in_size
        elif kind == UNTIL_CLOSE:
            self._step = self._until_close
        elif kind == OPAQUE:
            self._step = self._pass
        elif kind == 0:
            pieces.append(End())
        else:
            self._left = int(kind)
            self._step = self._in_length

    def _in_length(self, data: bytes, pieces: list[Piece]) -> bytes:
        now, rest = data[: self._left], data[self._left :]
        pieces.append(Body(now, now))
        self._left -= len(now)
        if not self._left:
            self._end(pieces)
        return rest

    def _until_close(self, data: bytes, pieces: list[Piece]) -> bytes:
        pieces.append(Body(data, data))
        return b""

    def _in_size(self, data: bytes, pieces: list[Piece]) -> bytes:
        line, rest = self._line(data, pieces)
        if line is None:
            return rest
        size = _SIZE.match(line)
        if size is None:
            self._step = self._pass
            return rest
        self._left = int(size[1], 16)
        self._step = self._in_chunk if self._left else self._in_trailer
        return rest

    def _in_chunk(self, data: bytes, pieces: list[Piece]) -> bytes:
        now, rest = data[: self._left], data[self._left :]
        pieces.append(Body(now, now))
        self._left -= len(now)
        if not self._left:
            self._step = self._after_chunk
        return rest

    def _after_chunk(self, data: bytes, pieces: list[Piece]) -> bytes:
        line, rest = self._line(data, pieces)
        if line is not None:
            self._step = self._pass if line else self._in_size
        return rest

    def _in_trailer(self, data: bytes, pieces: list[Piece]) -> bytes:
        line, rest = self._line(data, pieces)
        if line == b"":
            self._end(pieces)
        return rest

    def _line(self, data: bytes, pieces: list[Piece]) -> tuple[bytes | None, bytes]:
        """A line between chunks, without its end; None while it is not complete. Its bytes are passed on at once."""
        now, mark, rest = data.partition(b"\n")
        pieces.append(Body(now + mark, b""))
        held = self._held + now
        if mark:
            self._held = b""
            return held.rstrip(b"\r"), rest
        self._held = held
        if len(held) > _MOST_SIZE_LINE_BYTES:
            self._held = b""
            self._step = self._pass
        return None, rest

    def _end(self, pieces: list[Piece]) -> None:
        pieces.append(End())
        self._step = self._in_head

    def _give_up(self, held: bytes) -> bytes:
        self._held = b""
        self._step = self._pass
        return held

    def _pass(self, data: bytes, pieces: list[Piece]) -> bytes:
        pieces.append(Opaque(data))
        return b""
