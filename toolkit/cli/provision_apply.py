"""The work of `hotswap provision apply`, and its progress on stderr: bars where somebody watches, else lines."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from toolkit.config.durations import DurationError, parse_duration_ns
from toolkit.errors import UsageError
from toolkit.ollama.transfer import SUCCESS
from toolkit.ops.provision.apply import Application
from toolkit.ops.provision.backoff import Backoff
from toolkit.ops.provision.transfer import NS_PER_S, Patience, Transfers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from toolkit.cli.provision_session import ProvisionSession
    from toolkit.ollama.client import OllamaClient
    from toolkit.ollama.types import TransferLine
    from toolkit.ops.provision.apply import Applied
    from toolkit.ops.provision.transfer import Retry, Watcher

LARGE_BYTES = 1_000_000
"""Layers below that are there at once: template, licence, parameters."""


def run_apply(session: ProvisionSession, jobs: int, tries: int, backoff: str, seed: int | None) -> Applied:
    """Apply with the given limits. Ctrl-C closes the pulls; the server keeps what it has."""
    try:
        first_s = parse_duration_ns(backoff) / NS_PER_S
    except DurationError as error:
        raise UsageError(f"--backoff {backoff!r}: {error}") from error
    if first_s < 0:
        raise UsageError(f"--backoff {backoff!r}: a wait is at least 0s")
    patience = Patience(Backoff(tries=tries, first_s=first_s), session.stall_ns)

    async def work(client: OllamaClient) -> Applied:
        with progress_watcher(quiet=session.quiet) as watcher:
            transfers = Transfers(patience, watcher, random.Random(seed))
            return await Application(client, session.wanted, transfers, jobs).run()

    try:
        return session.run(work)
    except KeyboardInterrupt:
        if not session.quiet:
            click.echo("broken off: what was fetched stays with the server; apply again goes on from there", err=True)
        raise


@contextmanager
def progress_watcher(*, quiet: bool) -> Iterator[Watcher]:
    """What shows the progress; gone from the terminal at the end."""
    if quiet:
        yield Silent()
        return
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` cheap
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.fields[model]}", markup=False),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)


class Silent:
    """Shows nothing."""

    def line(self, name: str, line: TransferLine) -> None:
        """See `Watcher`."""

    def retry(self, name: str, retry: Retry) -> None:
        """See `Watcher`."""


class Lines:
    """A line a stage: for logs."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def line(self, name: str, line: TransferLine) -> None:
        """See `Watcher`."""
        if self._shown.get(name) == line.status:
            return
        self._shown[name] = line.status
        size = f" ({line.total_bytes / 1e6:,.0f} MB)" if line.total_bytes else ""
        click.echo(f"{name}: {_printable(line.status)}{size}", err=True)

    def retry(self, name: str, retry: Retry) -> None:
        """See `Watcher`."""
        click.echo(_retry_text(name, retry), err=True)


class Bars:
    """A bar for each model with what it is doing, and below it one for each large layer under way."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._layers: dict[str, dict[str, tuple[int, int]]] = {}

    def line(self, name: str, line: TransferLine) -> None:
        """See `Watcher`."""
        layers = self._layers.setdefault(name, {})
        if line.digest is not None and line.total_bytes is not None:
            layers[line.digest] = (line.completed_bytes, line.total_bytes)
        elif not line.status.startswith("pulling"):  # all is here; a blob's last line may stay below its total
            layers.update({digest: (total, total) for digest, (_, total) in layers.items()})
        completed, total = (sum(sizes) for sizes in zip((0, 0), *layers.values(), strict=True))
        what = line.status.partition(" sha256:")[0]
        self._show((name, ""), name, what, completed if total or line.status != SUCCESS else 1, total)
        for digest, (have, size) in layers.items():
            if size >= LARGE_BYTES:
                self._show((name, digest), "", f"  layer {digest.removeprefix('sha256:')[:12]}", have, size)

    def _show(self, key: tuple[str, str], model: str, what: str, completed: int, total: int | None) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task("", model=_printable(model))
        self._progress.update(self._tasks[key], description=_printable(what), completed=completed, total=total or 1)

    def retry(self, name: str, retry: Retry) -> None:
        """See `Watcher`."""
        self._progress.console.print(_retry_text(name, retry), markup=False, highlight=False)


def _retry_text(name: str, retry: Retry) -> str:
    return f"{name}: try {retry.number} failed: {retry.error}; once more in {retry.delay_s:.1f} s"


def _printable(text: str) -> str:
    """What a server said, without characters that steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
