"""The contract between a policy and whoever drives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Container

NOBODY: Final[Container[str]] = frozenset()
"""No model is busy."""


@dataclass(frozen=True, slots=True)
class Item:
    """A model as a cache sees it: its name, the room it takes (at least 1), what it costs to bring it in.

    In unit mode every item has size 1 and cost 1.
    """

    name: str
    size_bytes: int
    load_ns: int


class Policy(Protocol):
    """Ranks the resident models by what they are worth.

    The driver calls, for each request: `hit` if the model is resident; else `missed`, then `victim` as often as more
    room is needed, then `loaded`. `gone` tells of models that left for another reason. `position` counts the requests
    from 0, `now_ns` is the request's time (equal to the position where there is no clock); neither goes back.
    """

    def hit(self, item: Item, position: int, now_ns: int) -> None:
        """A request found its model resident."""
        ...

    def missed(self, item: Item, position: int, now_ns: int) -> None:
        """A request did not; room is about to be made for its model."""
        ...

    def victim(self, wanted: Item, busy: Container[str]) -> str | None:
        """Choose the next resident model to leave, and forget that it was resident; None if all of them are busy."""
        ...

    def loaded(self, item: Item, position: int, now_ns: int) -> None:
        """The model of the request that missed is resident now."""
        ...

    def gone(self, name: str) -> None:
        """A resident model left without the policy's choice: it expired, failed, or was unloaded by somebody."""
        ...


@runtime_checkable
class Expiring(Protocol):
    """A policy that also lets models go when nobody needs their room."""

    def expired(self, now_ns: int, busy: Container[str]) -> tuple[str, ...]:
        """Resident models whose time is up, in order; they count as gone."""
        ...


@runtime_checkable
class Prefetching(Protocol):
    """A policy that also wants models brought in before they are asked for."""

    def wanted_next(self, resident: Container[str]) -> str | None:
        """The model that is worth loading in idle time; None if none is."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """A policy that knows a moment at which a model is worth bringing back, if there is room for it."""

    def returns_ns(self) -> int | None:
        """The next such moment; None if none is known."""
        ...

    def returning(self, now_ns: int) -> str | None:
        """The next model whose moment has come and that is still worth it; each moment is told once."""
        ...


@runtime_checkable
class Keeping(Protocol):
    """A policy that gives each model a time to live of its own."""

    def keep_alive_ns(self, name: str) -> int:
        """For how long after its last use a model is worth its room; at least 1."""
        ...


@runtime_checkable
class LoadsFirst(Protocol):
    """A policy that is told `loaded` before it is asked for victims, so that the newcomer may be one of them."""

    loads_first: bool
