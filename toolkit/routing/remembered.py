"""A router that decides about each text once, for workloads that say the same things again and again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Decision = TypeVar("Decision")
MOST_TEXTS: Final = 4_096
"""Of a recorded trace with texts of its own, the last ones are kept."""


class RememberedRoutes(Generic[Decision]):
    """Decides as the pure function `route` does. Safe to share between threads."""

    def __init__(self, route: Callable[[str], Decision]) -> None:
        self._route = lru_cache(maxsize=MOST_TEXTS)(route)

    def route(self, text: str) -> Decision:
        """The decision about a text."""
        return self._route(text)
