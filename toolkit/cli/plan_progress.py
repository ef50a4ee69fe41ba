"""The progress of a plan on stderr: a bar where somebody watches, nothing where nobody does."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolkit.config.durations import format_duration
from toolkit.plan.sweep import Unwatched
from toolkit.plan.time_left import TimeLeft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from toolkit.plan.sweep import Watcher

_NS_PER_S = 1_000_000_000


class _Bar:
    """See `Watcher`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._left = TimeLeft()
        self._start_s = time.monotonic()
        self._stage = ""

    def expects(self, stage: str, weight: float) -> None:
        self._stage = stage
        self._left.expects(weight)
        self._show()

    def finished(self, weight: float) -> None:
        self._left.finished(weight)
        self._show()

    def _show(self) -> None:
        left_s = self._left.left_s(time.monotonic() - self._start_s)
        told = "" if left_s is None else f", at least {format_duration(round(left_s) * _NS_PER_S)} more"
        self._progress.update(
            self._task, description=f"{self._stage}{told}", completed=self._left.done, total=self._left.expected
        )


@contextmanager
def plan_bar(*, quiet: bool) -> Iterator[Watcher]:
    """A bar of simulated load. Silent if asked, or if stderr is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield Unwatched()
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` cheap
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress, progress.add_task("", total=None))
