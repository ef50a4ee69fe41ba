"""Policies that can say at any moment in which order their models would leave."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Ordered(Protocol):
    """The order changes only by an access, and then only for the model accessed: durations can carry it."""

    @property
    def resident(self) -> tuple[str, ...]:
        """The resident models, first to leave first."""
        ...
