"""What `compare` and `replay` share: from options to runs, and from runs to what is printed and written."""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from toolkit.cache.registry import is_fixed
from toolkit.cli.load_options import shape_from, terms_from
from toolkit.cli.options import describes_host, load_given_config, load_given_twin, order_from
from toolkit.cli.progress import answer_bar
from toolkit.cli.storage import Storage
from toolkit.config.durations import format_duration
from toolkit.errors import HostError, UsageError
from toolkit.experiment.client import client_setup
from toolkit.experiment.plans import plans_to_play
from toolkit.experiment.play import play_on_host, play_on_twin, refuse_simulated, stage_for
from toolkit.ollama.aiohttp_import import import_aiohttp
from toolkit.replay.runfile import RUN_FILE, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.config.loading import LoadedConfig
    from toolkit.experiment.client import ClientSetup
    from toolkit.experiment.live import Measured, Place
    from toolkit.experiment.order import Order
    from toolkit.experiment.play import Stage
    from toolkit.experiment.shape import Shape
    from toolkit.experiment.shelf import Shelf
    from toolkit.replay.records import Run
    from toolkit.replay.results import Comparison
    from toolkit.workload.plan import Plan


class Playing(Protocol):
    """See `toolkit.experiment.play`."""

    def __call__(self, *, place: Place, shelf: Shelf, on_answer: Callable[[], None] | None = None) -> Measured:
        """Play everything."""
        ...


REPORTS = Path("reports")
NS_PER_S = 1_000_000_000
EXIT_INTERRUPTED = 130
NARROWEST_TABLE = 80
WIDEST_TABLE = 120


@dataclass(frozen=True, slots=True)
class Output:
    """How the user wants to see things."""

    as_json: bool
    quiet: bool
    no_color: bool

    def note(self, sentence: str) -> None:
        """Say something on stderr, unless told to be quiet or there is nothing to say."""
        if sentence and not self.quiet:
            click.echo(sentence, err=True)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be played by whom: `play` plays each plan under each strategy."""

    setup: ClientSetup
    plans: tuple[Plan, ...]
    names: tuple[str, ...]
    play: Playing


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a command: what to play, where, and how to show it."""

    work: Work
    stage: Stage
    output: Output
    directory: Path
    storage: Storage

    @classmethod
    def open(cls, given: dict[str, Any], names: tuple[str, ...], out: Path | None, tag: str | None = None) -> Self:
        """Read config and workload; without names the config's own strategy is played."""
        storage = Storage.open(given.pop("store"), tag, unwanted=given.pop("no_store"))
        order, shape, terms = order_from(given), shape_from(given), terms_from(given)
        processes: int = given.pop("processes")
        load = load_given_twin if given["host"] is None else load_given_config
        loaded = load(given.pop("config"), quiet=given["quiet"])
        stage = replace(stage_for(loaded.config, os.environ, given.pop("host")), terms=terms, processes=processes)
        wire = _on_twin if stage.address is None else _on_host
        work = wire(loaded, stage, order, shape, names)
        directory = out or _free_directory(work.plans[0].name, live=stage.address is not None)
        return cls(work, stage, Output(**given), _made_writable(directory), storage)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.storage.close()

    def play(self) -> Measured:
        """Play everything; a real host's runs go to `runs/STRATEGY-REPETITION` of the directory."""
        return self._play(lambda strategy, repetition: self.directory / "runs" / _as_path(f"{strategy}-{repetition}"))

    def play_in_place(self) -> Measured:
        """Play everything; runs go to the directory itself, or to `1`, `2`, … of it if there are several."""
        alone = len(self.work.plans) == 1
        return self._play(lambda _, repetition: self.directory if alone else self.directory / str(repetition))

    def show_comparison(self, measured: Measured, *, with_png: bool) -> None:
        """Write the report, print the table or the JSON, and end as the runs ended."""
        from toolkit.experiment.sum_up import sum_up  # noqa: PLC0415 - not before the first request is sent
        from toolkit.report.figures import png_files, svg_files  # noqa: PLC0415 - not for `replay`
        from toolkit.report.write import write_report  # noqa: PLC0415 - not for `replay`

        self._refuse_nothing(measured)
        comparison = sum_up(self.work.setup, self.work.plans[0], measured.runs)
        formats = (svg_files, png_files) if with_png else (svg_files,)
        index = write_report(comparison, self.directory, formats).index
        self._print(comparison, measured)
        self._say_where(f"report: {index}")
        self._end(measured)

    def show_runs(self, measured: Measured) -> None:
        """Write the runs (a real host's are written), print the summary, and end as the runs ended."""
        from toolkit.experiment.sum_up import sum_up  # noqa: PLC0415 - not before the first request is sent

        self._refuse_nothing(measured)
        self._print(sum_up(self.work.setup, self.work.plans[0], measured.runs), measured)
        for run in measured.runs:
            directory = self.directory if len(self.work.plans) == 1 else self.directory / str(run.repetition + 1)
            if self.stage.address is None:
                _write_run(run, directory)
            self._say_where(f"run: {directory / RUN_FILE}")
        self._end(measured)

    def _play(self, place: Place) -> Measured:
        """Play, with a bar on stderr where somebody watches."""
        total = sum(len(plan.requests) for plan in self.work.plans) * len(self.work.names)
        if self.stage.address is not None:
            stop_ns = self.stage.terms.stop_ns
            lasting = [
                plan.duration_ns if stop_ns is None else min(stop_ns, plan.duration_ns) for plan in self.work.plans
            ]
            planned_ns = sum(lasting) * len(self.work.names)
            takes = format_duration(planned_ns // NS_PER_S * NS_PER_S)
            url = self.stage.address.url
            runs = len(self.work.plans) * len(self.work.names)
            more = f"and the answers, and seconds to empty the host before each of {runs} runs"
            self.output.note(f"playing on {url}: {takes} of arrivals, {more}; --speed and --limit shorten it")
        gc.freeze()  # what is here now stays; the collector need not walk it again while records pile up
        with answer_bar(total, quiet=self.output.quiet) as answered:
            played = self.work.play(place=place, shelf=self.storage.shelf, on_answer=answered)
        self.output.note(self.storage.said())
        return played

    def _refuse_nothing(self, measured: Measured) -> None:
        if not measured.runs and measured.interrupted:
            raise KeyboardInterrupt
        if not measured.runs:
            raise HostError(measured.ended or "nothing was played")

    def _print(self, comparison: Comparison, measured: Measured) -> None:
        from toolkit.replay.load_summary import load_summary  # noqa: PLC0415 - not before the first request is sent

        loads = () if self.stage.address is None else tuple(load_summary(run) for run in measured.runs)
        if self.output.as_json:
            from toolkit.report.results_json import to_jsonable  # noqa: PLC0415 - one of two outputs

            told = {**to_jsonable(comparison), **({"load": [asdict(one) for one in loads]} if loads else {})}
            click.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        from toolkit.report.load_text import load_text  # noqa: PLC0415 - one of two outputs
        from toolkit.report.terminal import terminal_text  # noqa: PLC0415 - one of two outputs

        color = sys.stdout.isatty() and not self.output.no_color and "NO_COLOR" not in os.environ
        # Never narrower than the table: a terminal wraps a long line, but a number that is cut is a lie.
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else NARROWEST_TABLE
        width = max(NARROWEST_TABLE, min(columns, WIDEST_TABLE))
        click.echo(terminal_text(comparison, width=width, color=color), color=color)
        for one in loads:
            click.echo(load_text(one))

    def _say_where(self, sentence: str) -> None:
        """The last line for people; beside JSON it goes to stderr."""
        if self.output.as_json:
            self.output.note(sentence)
        else:
            click.echo(sentence)

    def _end(self, measured: Measured) -> None:
        if measured.interrupted:
            click.echo(measured.ended, err=True)
            sys.exit(EXIT_INTERRUPTED)
        if measured.ended is not None:
            raise HostError(measured.ended)


def _on_twin(loaded: LoadedConfig, stage: Stage, order: Order, shape: Shape, names: tuple[str, ...]) -> Work:
    from toolkit.experiment.prepare import prepare  # noqa: PLC0415 - the twin is not for real hosts

    refuse_simulated(shape, stage.terms, stage.processes)
    setup, plans = prepare(loaded.config, order, shape)
    chosen = names or (setup.baseline,)
    return Work(setup, plans, chosen, partial(play_on_twin, setup, plans, chosen))


def _on_host(loaded: LoadedConfig, stage: Stage, order: Order, shape: Shape, names: tuple[str, ...]) -> Work:
    if order.slots is not None:
        raise UsageError("--slots makes a simulated host of equal places; leave it out with --host")
    if shape.known_models:
        raise UsageError("--known-models is about the simulated host's models; leave it out with --host")
    import_aiohttp()
    chosen = names or (loaded.config.llm.cache.type,)
    setup = _client(loaded, order.num_ctx, chosen)
    plans = plans_to_play(loaded.config, order, shape, setup.router)
    return Work(setup, plans, chosen, partial(play_on_host, stage, setup, plans, chosen))


def _client(loaded: LoadedConfig, num_ctx: int | None, names: tuple[str, ...]) -> ClientSetup:
    """With a host on paper, if the config describes one or a strategy goes by the sizes of models."""
    is_known = describes_host(loaded)
    if not is_known and all(is_fixed(name) for name in names):
        return client_setup(loaded.config, num_ctx)
    from toolkit.experiment.setup import setup_for_unknown_host, setup_from_config  # noqa: PLC0415 - as above

    return (setup_from_config if is_known else setup_for_unknown_host)(loaded.config, num_ctx)


def _as_path(name: str) -> str:
    """A strategy's name as that of a directory: `lrfu(decay=0.1)` has signs that shells and Windows mind."""
    return re.sub(r"[^A-Za-z0-9.=+-]+", "_", name)


def _free_directory(plan: str, *, live: bool) -> Path:
    """`reports/PLAN`; for a real host a new one each time, so that no measurement is overwritten."""
    name = re.sub(r"[^a-z0-9]+", "-", plan.lower()).strip("-") or "run"
    if not live:
        return REPORTS / name
    number = 1
    while (REPORTS / f"{name}-live-{number}").exists():
        number += 1
    return REPORTS / f"{name}-live-{number}"


def _made_writable(directory: Path) -> Path:
    """Find out before anything is played that the results have nowhere to go."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UsageError(
            f"cannot write to {directory} ({error.strerror}); name another directory with --out"
        ) from error
    return directory


def _write_run(run: Run, directory: Path) -> None:
    """Write a simulated run. Raises UnwrittenError."""
    from toolkit.cli.whole_file import unwritten  # noqa: PLC0415 - as above

    try:
        write_run(run, directory)
    except OSError as error:
        raise unwritten(directory / RUN_FILE, error) from error
