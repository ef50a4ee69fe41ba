"""The page cache of the host: which part of which model file a load finds in RAM instead of on disk.

Linux keeps what was read last as long as nobody needs the memory. Modelled as an LRU over whole files: a file that is
read becomes the most recent, and what does not fit into `capacity_bytes` (the RAM that nobody holds at that moment)
goes, the least recent file first. A file larger than the capacity keeps only its tail, which a sequential reader
never meets in time: it counts as not cached at the next read.
"""

from __future__ import annotations


class PageCache:
    """Cached bytes by file, least recently read first. Not thread-safe; one driver owns it."""

    def __init__(self) -> None:
        self._cached_bytes: dict[str, int] = {}

    def cached_bytes(self, file: str) -> int:
        """How much of the file a read would find in RAM now."""
        return self._cached_bytes.get(file, 0)

    def read(self, file: str, file_bytes: int, capacity_bytes: int) -> int:
        """Read a file from start to end; returns the bytes that were found in RAM, 0 ≤ found ≤ file_bytes."""
        self.shrink(capacity_bytes)
        found = min(self._cached_bytes.pop(file, 0), file_bytes)
        if file_bytes <= capacity_bytes:
            self._cached_bytes[file] = file_bytes
        self.shrink(capacity_bytes)
        return found

    def shrink(self, capacity_bytes: int) -> None:
        """Give memory back until the files fit into `capacity_bytes`: the least recently read go first."""
        excess = sum(self._cached_bytes.values()) - max(capacity_bytes, 0)
        while excess > 0:
            oldest = next(iter(self._cached_bytes))
            kept = self._cached_bytes[oldest] - excess
            if kept > 0:
                self._cached_bytes[oldest] = kept
                return
            excess -= self._cached_bytes.pop(oldest)
