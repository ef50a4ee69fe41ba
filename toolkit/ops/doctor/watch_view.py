"""A watched host as a live table, and as lines where nobody watches a terminal."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from toolkit.ops.doctor.wording import gib, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from toolkit.ollama.types import RunningModel
    from toolkit.ops.doctor.watch import Event, Watched

NS_PER_S: Final = 1_000_000_000
FOREVER_NS: Final = 100 * 365 * 86_400 * NS_PER_S
"""Later than this is for ever: the server adds the longest duration there is."""


def table(state: Watched, url: str) -> RenderableType:
    """Everything on one screen."""
    shown = Table(title=f"{url}  {summary(state)}", title_justify="left", expand=False)
    for name in ("model", "memory", "on GPU", "num_ctx", "expires"):
        shown.add_column(name, justify="left" if name == "model" else "right")
    for row in state.rows:
        context = "" if row.context_length is None else str(row.context_length)
        shown.add_row(row.name, gib(row.size_bytes), on_gpu(row), context, expires(state, row))
    if not state.rows:
        shown.add_row("nothing is loaded", "", "", "", "")
    return Group(shown, *(Text(line(event), style="dim") for event in reversed(state.events)))


def lines(state: Watched) -> Iterator[str]:
    """What is new since the look before; at the first look, what is there."""
    if state.looks == 1 and state.look is not None:
        there = [f"{row.name} ({gib(row.size_bytes)}, {on_gpu(row)} on GPU)" for row in state.rows]
        yield f"{clock(state.look.wall_ns)} in memory: {', '.join(there) or 'nothing'}"
    for event in state.new:
        rate = "" if event.kind in {"silent", "back"} else f"  [{summary(state)}]"
        yield f"{line(event)}{rate}"


def summary(state: Watched) -> str:
    """`2 models, 11.2 GiB VRAM, 3.0 swaps/min`."""
    vram = sum(row.vram_bytes for row in state.rows)
    rate = "" if state.swaps_per_min is None else f", {state.swaps_per_min:.1f} swaps/min"
    models = f"{len(state.rows)} model{'' if len(state.rows) == 1 else 's'}"
    silent = "" if state.look is None or state.look.rows is not None else ", no answer now"
    return f"{models}, {gib(vram)} VRAM{rate}{silent}"


def line(event: Event) -> str:
    """`12:03:07 qwen2.5:7b loaded, num_ctx 4096`."""
    context = f", num_ctx {event.context}" if event.context is not None else ""
    words = {
        "loaded": f"{event.model} loaded{context}",
        "left": f"{event.model} left",
        "reloaded": f"{event.model} reloaded{context} ({event.text})",
        "silent": f"no answer: {event.text}",
        "back": "answers again",
    }
    return f"{clock(event.wall_ns)} {words[event.kind]}"


def on_gpu(row: RunningModel) -> str:
    """The share of a model that is on GPUs."""
    return "-" if row.size_bytes == 0 else f"{100 * row.vram_bytes / row.size_bytes:.0f} %"


def expires(state: Watched, row: RunningModel) -> str:
    """How long a model has left, at the last look."""
    if row.expires_at_ns is None or state.look is None:
        return "?"
    left_ns = row.expires_at_ns - state.look.wall_ns
    if left_ns > FOREVER_NS:
        return "never"
    return f"in {span(left_ns)}" if left_ns >= 0 else "now or busy"


def clock(wall_ns: int) -> str:
    """The time of day, UTC."""
    return dt.datetime.fromtimestamp(wall_ns / NS_PER_S, dt.UTC).strftime("%H:%M:%S")
