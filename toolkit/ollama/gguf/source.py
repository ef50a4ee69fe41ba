"""Where the bytes of a header come from: memory, a file, or ranges fetched one by one; and a cursor over them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from toolkit.ollama.gguf.records import GgufError

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE_WINDOW_BYTES: Final = 1 << 20
_RANGE_WINDOW_BYTES: Final = 4 << 20


class ByteSource(Protocol):
    """Random access to bytes. `size` is None where it is unknown; `window_bytes` is a good amount to ask for."""

    @property
    def size(self) -> int | None:
        """Bytes in all, or None."""
        ...

    @property
    def window_bytes(self) -> int:
        """How much to read at a time."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A header that is in memory already."""

    data: bytes

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.data)

    @property
    def window_bytes(self) -> int:
        """Everything at once; slicing is free enough."""
        return max(len(self.data), 1)

    def read_at(self, offset: int, length: int) -> bytes:
        """A slice."""
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class FileSource:
    """An open file; `size` is given so that an absurd count is refused before anything is read."""

    file: BinaryIO
    size: int
    window_bytes: int = _FILE_WINDOW_BYTES

    def read_at(self, offset: int, length: int) -> bytes:
        """Seek and read."""
        self.file.seek(offset)
        return self.file.read(length)


@dataclass(frozen=True, slots=True)
class RangeSource:
    """Bytes that somebody else fetches, such as HTTP ranges: `fetch(first, length)` returns at most `length` bytes."""

    fetch: Callable[[int, int], bytes]
    size: int | None = None
    window_bytes: int = _RANGE_WINDOW_BYTES

    def read_at(self, offset: int, length: int) -> bytes:
        """One fetch; an answer longer than asked for is cut, so a server that ignores ranges cannot fill the memory."""
        if self.size is not None:
            length = min(length, max(self.size - offset, 0))
        return self.fetch(offset, length)[:length] if length else b""


class Cursor:
    """Reads forward through a source, one window at a time; never holds more than a window and one value."""

    __slots__ = ("_base", "_pos", "_source", "_window", "name", "order")

    def __init__(self, source: ByteSource, name: str) -> None:
        self.name = name
        self.order = "<"
        self._source = source
        self._window = b""
        self._base = 0
        self._pos = 0

    @property
    def at(self) -> int:
        """Absolute offset of the next byte."""
        return self._base + self._pos

    def fail(self, what: str) -> GgufError:
        """The error to raise for something wrong at the cursor."""
        return GgufError(f"{self.name}: {what} at byte {self.at}")

    def left(self) -> int | None:
        """Bytes between the cursor and the end, or None if the size is unknown."""
        return None if self._source.size is None else self._source.size - self.at

    def _refill(self, needed: int) -> None:
        """Make `needed` bytes available at the cursor, or raise."""
        rest = self._window[self._pos :]
        self._base, self._pos = self._base + self._pos, 0
        chunks, have = [rest], len(rest)
        while have < needed:
            more = self._source.read_at(self._base + have, max(needed - have, self._source.window_bytes))
            if not more:
                self._window = b"".join(chunks)
                raise self.fail("the file ends too early (truncated?)")
            chunks.append(more)
            have += len(more)
        self._window = b"".join(chunks)

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        if self._pos + length > len(self._window):
            left = self.left()
            if left is not None and length > left:
                raise self.fail(f"{length} bytes are announced but {max(left, 0)} are left (truncated?)")
            self._refill(length)
        start = self._pos
        self._pos += length
        return self._window[start : self._pos]

    def number(self, code: str) -> int | float | bool:
        """One number of the struct format `code`, in the file's byte order."""
        size = struct.calcsize("=" + code)
        value: int | float | bool = struct.unpack(self.order + code, self.take(size))[0]
        return value

    def count(self, code: str = "Q") -> int:
        """One unsigned integer."""
        return int(self.number(code))

    def skip(self, length: int) -> None:
        """Move on without reading."""
        left = self.left()
        if left is not None and length > left:
            raise self.fail(f"{length} bytes are announced but {max(left, 0)} are left (truncated?)")
        self._pos += length
        if self._pos > len(self._window):
            self._base, self._pos, self._window = self._base + self._pos, 0, b""

    def skip_strings(self, count: int, longest_bytes: int) -> None:
        """Move over `count` length-prefixed strings: one unpack each, nothing is built.

        The inner loop runs on one window and leaves it by the exception that unpacking past its end raises.
        """
        unpack = struct.Struct(self.order + "Q").unpack_from
        while count:
            window, pos, length = self._window, self._pos, 0
            try:
                while count:
                    (length,) = unpack(window, pos)
                    pos += 8 + length
                    count -= 1
            except (struct.error, OverflowError):
                pass
            if length > longest_bytes:
                self._pos = min(pos, len(window))
                raise self.fail(f"a string of {length} bytes in an array is longer than {longest_bytes}")
            self.skip(pos - self._pos)
            if count:
                self._refill(8)
