"""A circuit breaker for one host: after some failures in a row it is left alone for a while. Pure.

closed ── `FAILURES` in a row ──► open ── the pause is over ──► half open ── one attempt ──► closed, or open for longer
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = 3
FIRST_PAUSE_NS: Final = 2_000_000_000
LONGEST_PAUSE_NS: Final = 60_000_000_000


class Breaker:
    """See the module. Failures are those of the host (no connection, no answer), not of a request."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause_ns = FIRST_PAUSE_NS
        self._opened_ns: int | None = None
        self._is_trying = False

    def allows(self, now_ns: int) -> bool:
        """Whether a request may go to the host; while half open, one that is announced by `tries`."""
        return self._opened_ns is None or (not self._is_trying and self.left_ns(now_ns) == 0)

    def left_ns(self, now_ns: int) -> int:
        """How long the host is left alone from now, 0 if it is not."""
        return 0 if self._opened_ns is None else max(0, self._opened_ns + self._pause_ns - now_ns)

    def tries(self) -> None:
        """A request goes to the host; if the breaker is half open, it is the only one for now."""
        self._is_trying = self._opened_ns is not None

    def gave_up(self) -> None:
        """The request that was tried ended without telling anything about the host (its client has gone)."""
        self._is_trying = False

    def worked(self) -> None:
        """The host has answered."""
        self._failures, self._opened_ns, self._pause_ns = 0, None, FIRST_PAUSE_NS
        self._is_trying = False

    def failed(self, now_ns: int) -> None:
        """The host has not."""
        self._failures += 1
        if self._opened_ns is not None and self._is_trying:
            self._pause_ns = min(2 * self._pause_ns, LONGEST_PAUSE_NS)
            self._opened_ns = now_ns
        elif self._opened_ns is None and self._failures >= FAILURES:
            self._opened_ns = now_ns
        self._is_trying = False
