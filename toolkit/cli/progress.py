"""Progress on stderr: a bar where somebody watches, lines for a program that asks for them, else nothing.

A program sets `HOTSWAP_PROGRESS=lines` and reads `progress ANSWERED OF`.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UPDATE_EVERY = 200
"""Answers between two updates of the bar: drawing it must not cost more than the simulation."""


@contextmanager
def answer_bar(total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar of `total` answers; yields what to call at each. Silent if asked, or if stderr is not a terminal."""
    if os.environ.get("HOTSWAP_PROGRESS") == "lines" and not quiet:
        yield _lines(total)
        return
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` cheap
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("requests answered"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        count = 0

        def answered() -> None:
            nonlocal count
            count += 1
            if count % UPDATE_EVERY == 0:
                progress.update(task, completed=count)

        yield answered


@contextmanager
def played_bar(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar of `total` requests that nobody answers; yields what to tell how many more were played. Silent likewise."""
    if quiet or not sys.stderr.isatty():
        yield lambda _played: None
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` cheap
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("requests played"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Drawn twice a second by a thread that takes its time from the simulation: below a hundredth of it.
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as progress:
        task = progress.add_task("", total=total)
        yield lambda played: progress.advance(task, played)


def _lines(total: int) -> Callable[[], None]:
    """What to call at each answer, so that lines are written: one at once, then as often as the bar is drawn."""
    count = 0

    def told() -> None:
        click.echo(f"progress {count} {total}", err=True)

    def answered() -> None:
        nonlocal count
        count += 1
        if count % UPDATE_EVERY == 0 or count == total:
            told()

    told()
    return answered
