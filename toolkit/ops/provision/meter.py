"""How far a transfer has come, from its lines. Pure.

The server repeats a line every 60 ms whether or not anything arrives, so a stall is silence in the numbers, not on the
wire; and it may show a fall of the numbers when a part has to be fetched again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.ollama.types import TransferLine

_FETCHING = "pulling "


class Meter:
    """Follows one try. `fetched_bytes`: what this try has brought, not what was there from an earlier one."""

    def __init__(self) -> None:
        self.fetched_bytes = 0
        self._best: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        self._status = ""

    @property
    def waits_for_others(self) -> bool:
        """Whether server or registry owe us something: only then is silence a stall.

        Verifying, writing and converting is the server's own work, which takes minutes for a large file.
        """
        return not self._status or self._status.startswith(_FETCHING)

    @property
    def blob_bytes(self) -> dict[str, int]:
        """The blobs that had lines, with their sizes."""
        return dict(self._totals)

    def feed(self, line: TransferLine) -> bool:
        """Take a line; True if it shows progress: more bytes than ever before, or another stage."""
        moved = line.status != self._status
        self._status = line.status
        if line.digest is None:
            return moved
        if line.total_bytes is not None:
            self._totals[line.digest] = line.total_bytes
        best = self._best.get(line.digest)
        if best is None:  # what the first line shows was there before, or came in the first 60 ms
            self._best[line.digest] = line.completed_bytes
            return True
        if line.completed_bytes <= best:
            return moved
        self.fetched_bytes += line.completed_bytes - best
        self._best[line.digest] = line.completed_bytes
        return True
