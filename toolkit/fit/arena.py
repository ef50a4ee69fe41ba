"""A buffer that holds the intermediate results of one pass: how large does it have to be?

The engine plans the addresses of all results before it runs anything (ggml's graph allocator). Its rule: a freed range
is joined with its neighbours; a new result takes the tightest hole that is large enough, the last of equals; the open
end of the buffer is used only when no hole fits. The buffer's size is the highest address ever taken.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

_ENDLESS: Final = 1 << 62


class Arena:
    """One buffer being planned. Addresses and sizes are multiples of `alignment_bytes`."""

    __slots__ = ("_mask", "_sizes", "_starts", "peak_bytes")

    def __init__(self, alignment_bytes: int) -> None:
        self._mask = alignment_bytes - 1
        self._starts = [0]  # holes by address; the last one is the open end
        self._sizes = [_ENDLESS]
        self.peak_bytes = 0

    def take(self, nbytes: int) -> int:
        """Reserve a range and return its address."""
        size = (nbytes + self._mask) & ~self._mask
        sizes = self._sizes
        best, tightest = len(sizes) - 1, _ENDLESS
        for index in range(best):
            hole = sizes[index]
            if size <= hole <= tightest:
                best, tightest = index, hole
        at = self._starts[best]
        if sizes[best] == size:
            del self._starts[best], sizes[best]
        else:
            self._starts[best] = at + size
            sizes[best] -= size
        self.peak_bytes = max(self.peak_bytes, at + size)
        return at

    def give_back(self, at: int, nbytes: int) -> None:
        """Free a range and join it with the holes on either side."""
        size = (nbytes + self._mask) & ~self._mask
        if size == 0:
            return
        starts, sizes = self._starts, self._sizes
        index = bisect_left(starts, at)
        joins_next = index < len(starts) and at + size == starts[index]
        joins_previous = index > 0 and starts[index - 1] + sizes[index - 1] == at
        if joins_previous:
            sizes[index - 1] += size
            if joins_next:
                sizes[index - 1] += sizes[index]
                del starts[index], sizes[index]
        elif joins_next:
            starts[index] = at
            sizes[index] += size
        else:
            starts.insert(index, at)
            sizes.insert(index, size)
