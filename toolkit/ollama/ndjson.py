"""Lines of newline-delimited JSON out of a byte stream, however the network cut it."""

from __future__ import annotations

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longer than any line a server means to send: the context of 262144 tokens in a last line of generate is 2 MB."""


class LineTooLongError(ValueError):
    """A line is longer than the limit; nothing after it can be trusted."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes


class LineSplitter:
    r"""Cuts bytes at `\n` and at nothing else: Unicode's other line ends are ordinary characters of a JSON text.

    `feed` gives the lines that are complete, without their `\n`; empty ones too. `rest` gives what is left after the
    last of them, which in a whole stream is nothing. Costs linear time for any cut of the stream.

    Raises:
        LineTooLongError: from `feed`, when a line passes `max_line_bytes`, complete or not.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._parts: list[bytes] = []
        self._held_bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the stream."""
        head, *lines = data.split(b"\n")
        self._hold(head)
        if not lines:
            return []
        complete = [self.rest(), *lines[:-1]]
        if max(map(len, complete)) > self._max_line_bytes:
            raise LineTooLongError(self._max_line_bytes)
        self._hold(lines[-1])
        return complete

    def rest(self) -> bytes:
        """Take out the bytes of the line that has not ended."""
        held = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._held_bytes = [], 0
        return held

    def _hold(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self._held_bytes += len(part)
            if self._held_bytes > self._max_line_bytes:
                raise LineTooLongError(self._max_line_bytes)
