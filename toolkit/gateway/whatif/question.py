"""What is asked: which strategies, over which time. Pure.

The gateway orders what waits, so every strategy is played behind the nearest queue of the lab: models in memory first,
then the most wanted, within the same promise. Without it a strategy would be judged by waits that nobody had here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolkit.cache.registry import STRATEGIES, StrategyContext, build_strategy
from toolkit.config.durations import format_duration
from toolkit.errors import UsageError
from toolkit.gateway.refusal import Refusal, Why

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_STRATEGIES: Final = 8
_MOST_CHARACTERS: Final = 200
_SPAN = re.compile(r"[1-9][0-9]{0,4}[mhd]")
OFFERED: Final = (
    *((entry.name, entry.summary) for entry in STRATEGIES if entry.by_default),
    ("lru", "the least recently used model leaves, by the order of the keep_alive durations"),
    ("gdsf", "models that are large, seldom used and quick to load leave first, by unloads and durations"),
)
"""What the page offers, with what it does; a call may name any that `hotswap compare --strategies` knows."""


@dataclass(frozen=True, slots=True)
class Queue:
    """How the gateway orders what waits: its promise, and how many requests of one model it sends at a time."""

    promise_ns: int
    parallel: int

    @property
    def discipline(self) -> str:
        """As `--disciplines` takes it."""
        return f"shadow(bound={format_duration(self.promise_ns)},parallel={self.parallel})"


@dataclass(frozen=True, slots=True)
class Question:
    """Strategies as written down, the one in use among them; `since` as `--since` takes it, None for everything."""

    strategies: tuple[str, ...]
    since: str | None

    def options(self, queue: Queue) -> tuple[str, ...]:
        """The options of `hotswap compare`."""
        since = () if self.since is None else (f"--since={self.since}",)
        return (f"--strategies={','.join(self.strategies)}", f"--disciplines={queue.discipline}", *since)

    def as_json(self) -> dict[str, Any]:
        """As it was asked."""
        return {"strategies": list(self.strategies), "since": self.since}


def question_from(body: Mapping[str, Any], in_use: str) -> Question:
    """Read `{"strategies": ["lru", …], "since": "7d"}`; the strategy in use is compared in any case.

    Raises:
        Refusal: another shape, too many strategies, one that does not exist, or no time.
    """
    unknown = sorted(set(body) - {"strategies", "since"})
    if unknown:
        raise _wrong(f"{unknown[0]!r} is not known here; write strategies and since")
    names = body.get("strategies")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _wrong('strategies: a list of names, as in ["lru", "ssd"]')
    wanted = tuple(dict.fromkeys((in_use, *(name.strip() for name in names))))
    if len(wanted) > MOST_STRATEGIES + 1:
        raise _wrong(f"strategies: at most {MOST_STRATEGIES} beside the one in use")
    for name in wanted[1:]:
        _check(name)
    since = body.get("since")
    if since is not None and not (isinstance(since, str) and _SPAN.fullmatch(since)):
        raise _wrong("since: a time such as 1h, 24h or 7d, or null for the whole trace")
    return Question(wanted, since)


def _check(name: str) -> None:
    if len(name) > _MOST_CHARACTERS:
        raise _wrong(f"strategies: a name is longer than {_MOST_CHARACTERS} characters")
    try:
        build_strategy(name, StrategyContext())
    except UsageError as error:
        raise _wrong(str(error)) from None


def _wrong(text: str) -> Refusal:
    return Refusal(Why.BAD_REQUEST, text)
