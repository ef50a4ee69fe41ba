"""What `hotswap tune` found, as text and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from toolkit.report.wording import count, duration, percent

if TYPE_CHECKING:
    from toolkit.experiment.queue_lab import QueueTally
    from toolkit.experiment.tune import Tuned

_WIDTH = 120
_SHOWN = 5
_GOALS = {"wait": "mean wait", "p95": "95th percentile of the wait", "swaps": "swaps", "late": "longest delay"}


def text_of(found: Tuned) -> str:
    """The answer as a sentence, the figures on requests that nothing was tuned on, and the best of what was tried."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=_WIDTH, color_system=None)
    told_from, told_to = found.search.report_on
    tuned_from, tuned_to = found.search.tune_on
    rows = (("tuned", found.chosen), ("untuned", found.untuned), ("base", found.base))
    tried = (
        f"Tried on those from {tuned_from:g} to {tuned_to:g}, {found.tried_requests:,}; best first "
        f"({len(found.tried)} of {found.combinations} combinations):"
    )
    parts = (
        _sentence(found),
        "",
        f"On the requests from {told_from:g} to {told_to:g} of the whole, {found.chosen.requests:,}, never tried on:",
        _table(rows),
        "",
        tried,
        _table(tuple((str(place), row) for place, row in enumerate(found.tried[:_SHOWN], 1))),
    )
    for part in parts:
        console.print(part, markup=False, highlight=False, emoji=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().split("\n"))


def as_json(found: Tuned) -> str:
    """One document; `tried` best first, on the part that was tuned on, the others on the part reported on."""
    search = found.search
    document = {
        "workload": found.workload,
        "goal": search.goal,
        "seed": search.seed,
        "tuned_on": {"part": search.tune_on, "requests": found.tried_requests},
        "reported_on": {"part": search.report_on, "requests": found.chosen.requests},
        "chosen": asdict(found.chosen),
        "untuned": asdict(found.untuned),
        "base": asdict(found.base),
        "gain": found.gain,
        "worth_it": found.was_worth_it,
        "combinations": found.combinations,
        "tried": [asdict(row) for row in found.tried],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sentence(found: Tuned) -> str:
    goal = found.search.goal
    name = _name(found.chosen)
    what = f"{_GOALS[goal]} {_value(found.figure(found.chosen), goal)}"
    against = f"{_value(found.figure(found.base), goal)} under {_name(found.base)}"
    if found.chosen == found.untuned:
        return f"{name} is best, with nothing to tune: {what}; {against}."
    before = _value(found.figure(found.untuned), goal)
    if found.was_worth_it:
        return f"{name}: {what}, {percent(found.gain)} less than untuned ({before}); {against}."
    return f"Tuning was not worth it: {name} has {what}, untuned it is {before}; {against}."


def _table(rows: tuple[tuple[str, QueueTally], ...]) -> Table:
    table = Table(box=None, header_style="", pad_edge=False)
    for heading in ("", "policy", "discipline", "swaps", "mean wait", "p95", "at most later by"):
        left = heading in {"", "policy", "discipline"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for label, row in rows:
        seconds = (row.mean_s, row.p95_s, row.latest_s)
        table.add_row(label, row.policy, row.discipline, count(row.swaps), *map(duration, seconds))
    return table


def _value(value: float, goal: str) -> str:
    return count(round(value)) if goal == "swaps" else duration(value)


def _name(row: QueueTally) -> str:
    return f"{row.policy}+{row.discipline}"
