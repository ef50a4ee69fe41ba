"""What a row of looks at `/api/ps` adds up to: who is in memory, until when, and how often that changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from toolkit.ollama.types import RunningModel
    from toolkit.ops.doctor.evidence import Look

NS_PER_S: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS_PER_S
LEAST_WATCHED_NS: Final = 10 * NS_PER_S
"""A rate of a shorter time would be of one or two loads."""
MOST_EVENTS: Final = 8
"""So many are remembered."""

Kind = Literal["loaded", "left", "reloaded", "silent", "back"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed between two looks. `context` is that of a loaded model."""

    wall_ns: int
    kind: Kind
    model: str = ""
    context: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """The state after some looks.

    `loads_ns` are the times of the loads seen in the last minute, `new` the events of the last look, `events` the
    latest ones. Before the first look `look` is None.
    """

    look: Look | None = None
    rows: tuple[RunningModel, ...] = ()
    looks: int = 0
    since_ns: int = 0
    loads_ns: tuple[int, ...] = ()
    new: tuple[Event, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def swaps_per_min(self) -> float | None:
        """Loads a minute over the last minute, or over the time so far; None in the first ten seconds."""
        watched_ns = self.look.at_ns - self.since_ns if self.look else 0
        if watched_ns < LEAST_WATCHED_NS:
            return None
        return len(self.loads_ns) * MINUTE_NS / min(watched_ns, MINUTE_NS)


def step(state: Watched, look: Look) -> Watched:
    """The state after one more look. What is there at the first look counts as there already."""
    if look.rows is None:
        was_silent = state.look is not None and state.look.rows is None
        new: tuple[Event, ...] = () if was_silent else (Event(look.wall_ns, "silent", text=look.problem or ""),)
        return _after(state, look, state.rows, new)
    new = ()
    if state.look is not None and state.look.rows is None:
        new = (Event(look.wall_ns, "back"),)
    if state.look is not None:
        new += _changes(state.rows, look)
    return _after(state, look, look.rows, new)


def _changes(before: tuple[RunningModel, ...], look: Look) -> tuple[Event, ...]:
    """Who left, who came, who came with another context; by name."""
    was = {row.name: row for row in before}
    now = {row.name: row for row in look.rows or ()}
    left = [Event(look.wall_ns, "left", name) for name in sorted(was.keys() - now.keys())]
    came = [Event(look.wall_ns, "loaded", name, now[name].context_length) for name in sorted(now.keys() - was.keys())]
    again = [
        Event(look.wall_ns, "reloaded", name, now[name].context_length, f"num_ctx {was[name].context_length} before")
        for name in sorted(was.keys() & now.keys())
        if was[name].context_length != now[name].context_length
    ]
    return (*left, *came, *again)


def _after(state: Watched, look: Look, rows: tuple[RunningModel, ...], new: tuple[Event, ...]) -> Watched:
    loads = sum(event.kind in {"loaded", "reloaded"} for event in new)
    recent = tuple(at_ns for at_ns in state.loads_ns if look.at_ns - at_ns <= MINUTE_NS)
    return replace(
        state,
        look=look,
        rows=rows,
        looks=state.looks + 1,
        since_ns=state.since_ns if state.look is not None else look.at_ns,
        loads_ns=recent + (look.at_ns,) * loads,
        new=new,
        events=(*state.events, *new)[-MOST_EVENTS:],
    )
