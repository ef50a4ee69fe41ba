"""Strategies and queues as they are named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.registry import STRATEGIES, StrategyContext, build_strategy
from toolkit.cache.spec import split_outside
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

QUEUED = "lru+least-wait"
"""Shown beside the strategies when nobody asked for any, on the twin: what a queue before the host would do."""
NO_QUEUE = "none"
"""Among the disciplines: no queue before the host."""
OPTIMUM = "optimum"
"""May be named among the strategies; it is no strategy but the ceiling, and it is always there."""


def strategy_names(given: str | None) -> tuple[str, ...]:
    """The strategies of `--strategies a,b`, each once, or all of them.

    Raises:
        UsageError: an unknown name, or none left.
    """
    if given is None:
        return tuple(entry.name for entry in STRATEGIES if entry.by_default)
    from toolkit.cache.sweep import expanded  # noqa: PLC0415 - not for a single strategy

    asked = [name for part in split_outside(given, ",") if part.strip() for name in expanded(part.strip())]
    names = tuple(dict.fromkeys(name for name in asked if name != OPTIMUM))
    if not names:
        also = "; the optimum is always shown" if asked else ""
        raise UsageError(f"--strategies names none; write for example --strategies ram,lru-unload{also}")
    for name in names:
        _check(name)
    return names


def with_queues(names: Sequence[str], given: str | None) -> tuple[str, ...]:
    """Every strategy behind every discipline of `--disciplines none,shadow`; `none` is the server's own queue.

    Raises:
        UsageError: an unknown discipline, or a strategy that has a queue already.
    """
    if given is None:
        return tuple(names)
    from toolkit.cache.sweep import expanded  # noqa: PLC0415 - not for a single strategy

    queues = [name for part in split_outside(given, ",") for name in expanded(part.strip()) if name]
    combined = tuple(name if queue == NO_QUEUE else f"{name}+{queue}" for queue in queues for name in names)
    if not combined:
        raise UsageError("--disciplines names none; write for example --disciplines none,shadow(bound=10m)")
    for name in combined:
        _check(name)
    return combined


def split_queue(text: str) -> tuple[str, str | None]:
    """The strategy and, after a plus outside of brackets, the queue. Raises UsageError for two of them."""
    if "+" not in text:
        return text, None
    parts = [part.strip() for part in split_outside(text, "+")]
    if len(parts) != 2 or not all(parts):  # noqa: PLR2004 - a strategy and a queue
        raise UsageError(f"found {text!r}; write a strategy, a plus and one discipline, as in lru+shadow(bound=10m)")
    return parts[0], parts[1]


def _check(name: str) -> None:
    """Raises UsageError if there is no such strategy or queue."""
    strategy, queue = split_queue(name)
    build_strategy(strategy, StrategyContext())
    if queue is not None:
        from toolkit.cache.disciplines.places import Places  # noqa: PLC0415 - only with a queue
        from toolkit.experiment.queues import build_turns  # noqa: PLC0415 - as above

        build_turns(queue, Places({}, 1))


def one_strategy(given: str) -> str:
    """The strategy of `--strategy NAME`. Raises UsageError if there is none of this name."""
    name = given.strip()
    _check(name)
    return name
