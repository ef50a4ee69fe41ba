"""A picture of who was in memory when, in characters."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.host.trace.words import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Event = dict[str, Any]
WIDTH = 96
WIDEST_GAP = 12
LOADING, IDLE, BUSY, ENDING, RECOVERING, ABSENT = "~", "=", "#", "x", "-", " "
LEGEND = "~ loading   # in use   = idle   x process ending   - its memory coming back   digits: requests in the queue"
NEXT_LOOK = {
    "load_start": LOADING,
    "load_done": IDLE,
    "load_failed": ENDING,
    "load_killed": ABSENT,
    "unload_start": ENDING,
    "unload_closed": RECOVERING,
    "unload_done": ABSENT,
}
QUEUE_CHANGE = {"request_queued": 1, "request_dequeued": -1}
MANY = 9


class Track(NamedTuple):
    """A row: its look from each time on, times ascending."""

    label: str
    times_ns: list[int]
    looks: list[str]

    def look_at(self, t_ns: int) -> str:
        """The look that holds just after a time."""
        index = bisect_right(self.times_ns, t_ns) - 1
        return self.looks[index] if index >= 0 else ABSENT


def draw(events: Sequence[Event]) -> str:
    """Rows of runners over time. Each column is a stretch of time; long quiet stretches are cut short (marked `:`)."""
    tracks = _tracks(events)
    if not tracks:
        return "Nobody was ever in memory."
    changes = sorted({t_ns for track in tracks for t_ns in track.times_ns})
    columns = _columns(changes)
    label_width = max(len(track.label) for track in tracks)
    lines = ["Who was in memory when (the time scale is not even; `:` cuts a long quiet stretch short)", ""]
    lines.extend(
        f"  {track.label:<{label_width}}  " + "".join(_cell(track, column) for column in columns) for track in tracks
    )
    lines.append(f"  {'':<{label_width}}  {_ruler(columns)}".rstrip())
    lines.append(f"  {LEGEND}")
    return "\n".join(line.rstrip() for line in lines)


class Column(NamedTuple):
    """A column begins at a time; `cut` stands for a stretch left out."""

    t_ns: int
    cut: bool
    marked: bool
    """A change happens where it begins."""


def _tracks(events: Iterable[Event]) -> list[Track]:
    tracks: dict[str, Track] = {}
    queue = Track("queue", [0], ["0"])
    waiting = 0
    for event in events:
        name, t_ns = event["event"], event["t_ns"]
        if name in QUEUE_CHANGE:
            waiting += QUEUE_CHANGE[name]
            _set(queue, t_ns, str(min(waiting, MANY)))
            continue
        look = NEXT_LOOK.get(name)
        if name == "runner_state":
            look = BUSY if event["ref_count"] else IDLE
        runner = event.get("runner")
        if look is None or runner is None:
            continue
        track = tracks.setdefault(runner, Track(runner, [], []))
        if name == "runner_state" and track.looks and track.looks[-1] in {ENDING, RECOVERING, ABSENT}:
            continue  # a mark in the same instant as its unload
        if name == "load_failed" and event["kind"] != "canceled":
            look = ABSENT  # it crashed; there is nothing left to end
        _set(track, t_ns, look)
    ordered = sorted(tracks.values(), key=lambda track: track.times_ns[0])
    busy_queue = any(look != "0" for look in queue.looks)
    blank = Track(queue.label, queue.times_ns, [look if look != "0" else ABSENT for look in queue.looks])
    return [*ordered, blank] if ordered and busy_queue else ordered


def _set(track: Track, t_ns: int, look: str) -> None:
    if track.times_ns and track.times_ns[-1] == t_ns:
        track.looks[-1] = look
    else:
        track.times_ns.append(t_ns)
        track.looks.append(look)


def _columns(changes: Sequence[int]) -> list[Column]:
    """Every change gets a column, long stretches more, up to a limit; then they are cut."""
    gaps = [later - earlier for earlier, later in pairwise(changes)]
    total = sum(gaps)
    room = max(WIDTH - len(changes), len(changes))
    unit = max(sorted(gaps)[len(gaps) // 2] // 3 if gaps else 1, total // (room * 8) if room else 1, 1)
    columns: list[Column] = []
    for index, t_ns in enumerate(changes):
        columns.append(Column(t_ns, cut=False, marked=True))
        gap = gaps[index] if index < len(gaps) else unit * 2
        wanted = gap // unit
        more = min(wanted, WIDEST_GAP) - 1
        middle = (more + 1) // 2 if wanted > WIDEST_GAP else None
        columns.extend(Column(t_ns, cut=step == middle, marked=False) for step in range(1, more + 1))
    return columns


def _cell(track: Track, column: Column) -> str:
    look = track.look_at(column.t_ns)
    return ":" if column.cut and look != ABSENT else look


def _ruler(columns: Sequence[Column]) -> str:
    """Times under the columns where they fit."""
    text = ""
    for place, column in enumerate(columns):
        if column.marked and place >= len(text) + (2 if text else 0):
            text += " " * (place - len(text)) + "|" + clock(column.t_ns)
    return text
