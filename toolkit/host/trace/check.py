"""Compares what the twin did with what was recorded, and shows the first difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import InputError
from toolkit.host.trace.events import sorted_events
from toolkit.host.trace.play import play
from toolkit.host.trace.scenario import read_lines
from toolkit.host.trace.words import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolkit.host.trace.scenario import Line

Event = dict[str, Any]
CONTEXT = 4
"""Events shown on either side of a difference."""


class Difference(NamedTuple):
    """The first place where two lists of events part; `place` counts from 0."""

    place: int
    recorded: list[Event]
    twin: list[Event]
    recorded_final: Any
    twin_final: Any


class Verdict(NamedTuple):
    """What came out for one scenario."""

    id: str
    description: str
    outcomes: int
    """Recorded outcomes that would have done."""
    difference: Difference | None
    """None if the twin did what was recorded, or one of the alternatives."""

    @property
    def agrees(self) -> bool:
        """Whether the twin did the same."""
        return self.difference is None


def check_file(path: Path) -> Iterator[Verdict]:
    """Play every scenario of a file and compare. Raises InputError for lines that cannot be played or compared."""
    for line in read_lines(path):
        wanted = recorded_outcomes(line)
        yield compare(line, wanted, play(line.scenario))


def recorded_outcomes(line: Line) -> list[tuple[list[Event], Any]]:
    """`expected` and every alternative, events sorted. Raises InputError where they are missing or no such thing."""
    document = line.document
    if "expected" not in document:
        raise InputError(f"{line.place}: has nothing to compare with; `expected` is missing (use `twin trace` instead)")
    alternatives = document.get("alternatives") or []
    if not isinstance(alternatives, list) or not all(isinstance(other, dict) for other in alternatives):
        raise InputError(f"{line.place}: alternatives must be a list of objects with `expected`")
    bodies = [document["expected"], *(other.get("expected") for other in alternatives)]
    outcomes = []
    for body in bodies:
        events = body.get("events") if isinstance(body, dict) else None
        if not isinstance(events, list) or not all(_is_event(event) for event in events):
            raise InputError(f"{line.place}: expected.events must be a list of objects with `t_ns` and `event`")
        outcomes.append((sorted_events(events), body.get("final")))
    return outcomes


def _is_event(event: Any) -> bool:
    return isinstance(event, dict) and isinstance(event.get("t_ns"), int) and isinstance(event.get("event"), str)


def compare(line: Line, wanted: list[tuple[list[Event], Any]], outcome: dict[str, Any]) -> Verdict:
    """Agreement with any recorded outcome, or the difference from the one that agrees longest."""
    events, final = sorted_events(outcome["events"]), outcome["final"]
    nearest: Difference | None = None
    for recorded, recorded_final in wanted:
        if recorded == events and recorded_final == final:
            return Verdict(line.scenario.id, line.scenario.description, len(wanted), None)
        index = _first_difference(recorded, events)
        if nearest is None or index > nearest.place:
            nearest = Difference(index, recorded, events, recorded_final, final)
    return Verdict(line.scenario.id, line.scenario.description, len(wanted), nearest)


def _first_difference(left: list[Event], right: list[Event]) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


# Showing ---------------------------------------------------------------------------------------------------------


def describe(verdict: Verdict) -> str:
    """The difference as text: what differs first, then both timelines around it (`-` recorded, `+` twin)."""
    difference = verdict.difference
    if difference is None:
        return f"{verdict.id}: agrees"
    tried = "" if verdict.outcomes == 1 else f" (nearest of {verdict.outcomes} recorded outcomes)"
    lines = [f"{verdict.id}: {verdict.description}".rstrip(": "), f"  {_headline(difference)}{tried}", ""]
    start = max(difference.place - CONTEXT, 0)
    lines.extend(f"    {event_line(event)}" for event in difference.recorded[start : difference.place])
    for mark, events in (("-", difference.recorded), ("+", difference.twin)):
        rest = events[difference.place : difference.place + CONTEXT]
        lines.extend(f"  {mark} {event_line(event)}" for event in rest)
        if not rest:
            lines.append(f"  {mark} (nothing more happens)")
    if difference.recorded_final != difference.twin_final:
        lines.extend(("", f"  - final {difference.recorded_final}", f"  + final {difference.twin_final}"))
    return "\n".join(lines)


def _headline(difference: Difference) -> str:
    index, recorded, twin = difference.place, difference.recorded, difference.twin
    if index >= len(recorded) and index >= len(twin):
        return "all events agree, but not the final state"
    if index >= len(recorded):
        return f"event {index + 1}: the recording has ended, the twin goes on"
    if index >= len(twin):
        return f"event {index + 1}: the twin has nothing more, the recording goes on"
    one, other = recorded[index], twin[index]
    if one["event"] != other["event"] or one["t_ns"] != other["t_ns"]:
        return f"event {index + 1}: recorded {one['event']} at {one['t_ns']}, twin {other['event']} at {other['t_ns']}"
    fields = [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    told = "; ".join(f"{key} recorded {one.get(key)!r}, twin {other.get(key)!r}" for key in fields)
    return f"event {index + 1}: {one['event']} at {one['t_ns']} differs: {told}"


def event_line(event: Event) -> str:
    """An event on one line: time, name, and its fields."""
    fields = " ".join(f"{key}={_value(value)}" for key, value in event.items() if key not in {"t_ns", "event"})
    return f"{clock(event['t_ns']):>16}  {event['event']:<18} {fields}"


def _value(value: Any) -> str:
    return "-" if value is None else str(value).replace(" ", "")
