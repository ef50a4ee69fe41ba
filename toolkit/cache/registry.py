"""The strategies by name: what `--strategies` and the config's `cache.type` choose from."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from toolkit.cache.fixed import NOT_KEPT_NS, RAM_NS, SSD_NS, FixedKeepAlive, ServerDefault
from toolkit.cache.lru_unload import LruUnload
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.cache.strategy import Room, Strategy


@dataclass(frozen=True, slots=True)
class StrategyContext:
    """What a strategy may know beforehand: the config's limits and models, and what is known of the host's memory.

    `max_models`: None for no limit. `room`: None if nothing is known. `models`: all that requests may name. `pinned`:
    those that are to stay. `keep_alive_ns`: pairs of a strategy's name and the duration it is to send in place of its
    own (0 and negative as in `Directive`); the config's `cache.keep_alive` is one for `cache.type`.
    """

    max_models: int | None = None
    room: Room | None = None
    models: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    keep_alive_ns: tuple[tuple[str, int], ...] = ()

    def duration_ns(self, strategy: str, own_ns: int) -> int:
        """What the strategy of this name is to send: the override if there is one, else its own duration."""
        return dict(self.keep_alive_ns).get(strategy, own_ns)


@dataclass(frozen=True, slots=True)
class StrategyEntry:
    """A strategy's name, what it does in one line, and how to make a fresh one."""

    name: str
    summary: str
    build: Callable[[StrategyContext], Strategy]


def _fixed(name: str, own_ns: int) -> Callable[[StrategyContext], Strategy]:
    return lambda context: FixedKeepAlive(name, context.duration_ns(name, own_ns), frozenset(context.pinned))


def _lru_unload(context: StrategyContext) -> Strategy:
    duration_ns = context.duration_ns(LruUnload.name, RAM_NS)
    return LruUnload(context.max_models, context.room, context.pinned, keep_alive_ns=duration_ns)


STRATEGIES: tuple[StrategyEntry, ...] = (
    StrategyEntry("ram", "keep_alive 30m on every request; the server picks the victims", _fixed("ram", RAM_NS)),
    StrategyEntry("ssd", "keep_alive 2m on every request; the server picks the victims", _fixed("ssd", SSD_NS)),
    StrategyEntry("none", "keep_alive 0: unload after every answer", _fixed("none", NOT_KEPT_NS)),
    StrategyEntry(
        "server-default", "send nothing; the server's own keep_alive holds", lambda _context: ServerDefault()
    ),
    StrategyEntry(
        "lru-unload",
        "unload the least recently used models before a load that needs their room",
        _lru_unload,
    ),
)

CACHE_TYPES = ("ram", "ssd", "none")
"""The strategies that the config's `cache.type` may name."""


def build_strategy(name: str, context: StrategyContext) -> Strategy:
    """A fresh strategy; one run, one strategy, because it may keep state.

    Raises:
        UsageError: there is no strategy of this name; the message names the nearest and all.
    """
    for entry in STRATEGIES:
        if entry.name == name:
            return entry.build(context)
    names = [entry.name for entry in STRATEGIES]
    near = get_close_matches(name.lower(), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"there is no strategy {name!r}.{hint} The strategies are {', '.join(names)}")
