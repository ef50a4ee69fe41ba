"""Loads under way, and what they mean for the models beside them. Pure.

A load pushes out what does not fit, and nobody is told which: the server chooses among the idle ones, by rules of its
own. So if not all that is in memory is known to fit beside the new model, nothing idle is sure to stay. From the begin
of a load to the first look after its end that does not count as in memory: a request for a model that has just been
chosen would undo the eviction, or, when it is gone, make the host wait for the new one to become idle
(ollama#17408).

Requests of others can undo an eviction, too, and so can our own, if what is known to fit together fits no longer. The
load then waits until the victim's whole keep_alive is over, and all later loads behind it, whoever gives up meanwhile.
What shows it: loads are waited for, and nothing comes. An unload call for the victim ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

STUCK_NS: Final = 10_000_000_000
"""An idle victim has left long before that (a runner ends within seconds)."""
PAUSE_NS: Final = 5_000_000_000
"""Nobody has waited for so long: the next who does begins to count anew."""
_STUCK_LOADS: Final = 3
"""And so many times the model's own load may take, so that a slow disk is not taken for a stuck eviction."""


class Neighbours(Protocol):
    """What is known about which models can be in memory together."""

    def together(self, models: frozenset[str]) -> bool:
        """True if all of them are known to fit at the same time."""
        ...


@dataclass(slots=True, eq=False)
class Load:
    """One load. `before`: the models that were in memory when it began, without those that were told to go for it.

    `ended_ns`: when the model was there, or it was known that it will not come. `leaving`: those that were told to go;
    a request for one of them would make it stay.
    """

    model: str
    before: frozenset[str]
    began_ns: int
    ended_ns: int | None = None
    leaving: frozenset[str] = frozenset()


class LoadsUnderWay:
    """The loads whose outcome no look has shown yet, one a model."""

    def __init__(self) -> None:
        self._loads: dict[str, Load] = {}

    def __len__(self) -> int:
        return len(self._loads)

    def begins(self, load: Load) -> None:
        """One more."""
        self._loads[load.model] = load

    def ends(self, load: Load, now_ns: int) -> bool:
        """It has ended; False if that is known already, or a look has shown what came of it."""
        if self._loads.get(load.model) is not load or load.ended_ns is not None:
            return False
        load.ended_ns = now_ns
        return True

    @property
    def leaving(self) -> frozenset[str]:
        """The models that were told to go for what is coming."""
        return frozenset().union(*(load.leaving for load in self._loads.values()))

    def staying(self, names: Collection[str], neighbours: Neighbours) -> Iterator[str]:
        """Of these models, which are in memory, those that surely stay though they may be idle."""
        leaving = self.leaving
        beside = frozenset(names) - leaving | self._loads.keys()
        if not self._loads or neighbours.together(beside):
            yield from (name for name in names if name not in leaving)

    def seen(self, models: Collection[str], asked_ns: int) -> list[Load]:
        """A look found these models; the loads that it shows to have brought theirs. Whose outcome it shows is over."""
        over = [load for load in self._loads.values() if _shows(load, models, asked_ns)]
        for load in over:
            del self._loads[load.model]
        return [load for load in over if load.model in models]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Nothing comes: these models are to be unloaded, and what those that are waited for fit beside is in doubt."""

    unload: tuple[str, ...]
    doubt: tuple[str, ...]


class StuckLoads:
    """Notices when loads are waited for and nothing comes, also if those who wait give up and others begin anew."""

    def __init__(self) -> None:
        self._listed: frozenset[str] = frozenset()
        self._since_ns: int | None = None  # when the wait began in which nothing has come
        self._waited_ns = 0  # when somebody was last seen to wait

    def look(
        self,
        now_ns: int,
        loads_ns: Mapping[str, int],
        listed: frozenset[str],
        busy: Collection[str],
        neighbours: Neighbours,
    ) -> Overdue | None:
        """What is to be done, after a look that found these models; again only after as long again.

        `loads_ns`: the models that are waited for, with what a load of each is known to take. `busy`: those that our
        own requests use; they are not unloaded, but nobody should be sent to them any more.
        """
        has_come, self._listed = bool(listed - self._listed), listed
        if has_come or now_ns - self._waited_ns > PAUSE_NS:
            self._since_ns = None
        if not loads_ns:
            return None
        self._waited_ns = now_ns
        if self._since_ns is None:
            self._since_ns = now_ns
        if now_ns - self._since_ns < max(STUCK_NS, _STUCK_LOADS * max(loads_ns.values())):
            return None
        self._since_ns = now_ns
        idle = (name for name in sorted(listed) if name not in busy and name not in loads_ns)
        alone = (name for name in idle if not any(neighbours.together(frozenset({name, model})) for model in loads_ns))
        return Overdue(tuple(alone), tuple(model for model in loads_ns if model not in listed))


def _shows(load: Load, models: Collection[str], asked_ns: int) -> bool:
    if load.ended_ns is not None and asked_ns >= load.ended_ns:
        return True
    return asked_ns >= load.began_ns and load.model in models
