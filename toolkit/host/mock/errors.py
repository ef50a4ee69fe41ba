"""What goes wrong with the mock itself, not with the twin behind it."""

from __future__ import annotations

from toolkit.errors import HotswapError


class MockStuckError(HotswapError):
    """A client waits in virtual time, and nothing is left that could ever happen."""


class MockEndedError(HotswapError):
    """A client is still at work although the `with` block of its mock is over."""


class TwinCrashedError(HotswapError):
    """The twin's application failed inside; a bug of the twin. Raised at the end of the `with` block."""
