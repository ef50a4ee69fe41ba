"""What `hotswap swap` does with its options: measure, keep, show."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.fit_models import model_names
from toolkit.cli.live_host import EXIT_INTERRUPTED, free_directory, needed_host, on_host
from toolkit.cli.options import load_given_config
from toolkit.config.units import UnitError, parse_size_bytes
from toolkit.errors import HostError, UsageError
from toolkit.measure.remote import Pages
from toolkit.measure.swap.matrix import matrix_of
from toolkit.measure.swap.recording import FILE_NAME, csv_text
from toolkit.measure.swap.study import SwapOrder, study_swaps
from toolkit.ops.settings.runner import SshRunner
from toolkit.replacing import replace_with

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.loading import LoadedConfig
    from toolkit.measure.host_facts import HostFacts
    from toolkit.measure.swap.sample import Sample
    from toolkit.measure.swap.study import SwapStudy

NARROWEST, WIDEST = 80, 120


def run(models: tuple[str, ...], out: Path | None, given: dict[str, Any]) -> tuple[SwapStudy, Path]:
    """Measure; every sample is in the recording the moment it is there."""
    loaded = load_given_config(given["config"], quiet=given["quiet"])
    address = needed_host(given["host"], loaded, "swap")
    order = SwapOrder(
        models=models or model_names(loaded.config),
        rounds=given["repeat"],
        seed=given["seed"] or 0,
        options={"num_ctx": given["num_ctx"]} if given["num_ctx"] else {},
        ram_bytes=_ram_bytes(given["ram"]),
    )
    dropper = _dropper(loaded, given)
    directory = free_directory("swap", out)
    if (directory / FILE_NAME).exists():
        raise UsageError(f"{directory / FILE_NAME} is an earlier measurement; give another --out")
    keeper = Keeper(directory, order, drops=dropper is not None, quiet=given["quiet"])
    study = on_host(
        loaded,
        address,
        lambda client: study_swaps(order, client, dropper=dropper, on_start=keeper.started, on_sample=keeper.measured),
    )
    return study, directory


def finish(study: SwapStudy, directory: Path, given: dict[str, Any]) -> None:
    """Write the results, print them, and end as the measurement ended."""
    from toolkit.report.swap.data import to_jsonable  # noqa: PLC0415 - matplotlib and rich only once there is something
    from toolkit.report.swap.files import write_study  # noqa: PLC0415
    from toolkit.report.swap.text import terminal_text  # noqa: PLC0415

    outcome = study.outcome
    if not outcome.samples:
        if outcome.interrupted:
            raise KeyboardInterrupt
        why = outcome.failures[0].why if outcome.failures else "nothing was measured"
        raise HostError(outcome.ended or why)
    page = write_study(study, directory)
    if given["as_json"]:
        click.echo(json.dumps(to_jsonable(study), indent=2, ensure_ascii=False))
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else NARROWEST
        click.echo(terminal_text(study, max(NARROWEST, min(columns, WIDEST))))
    click.echo(f"report: {page}", err=given["as_json"])
    if outcome.interrupted:
        click.echo(outcome.ended, err=True)
        sys.exit(EXIT_INTERRUPTED)
    if outcome.ended is not None:
        raise HostError(outcome.ended)
    if outcome.failures:
        raise HostError(f"{len(outcome.failures)} of {study.planned} moves failed; the report says which")


class Keeper:
    """Says how far it is on stderr, and keeps every sample, so that even a killed program loses none."""

    def __init__(self, directory: Path, order: SwapOrder, *, drops: bool, quiet: bool) -> None:
        self._path = directory / FILE_NAME
        self._order = order
        self._drops = drops
        self._quiet = quiet
        self._samples: list[Sample] = []
        self._planned = 0

    def started(self, facts: HostFacts, planned: int) -> None:
        """The models are there; from here on the host is changed.

        Raises:
            UsageError: the page cache of a machine was to be dropped for a host that does not read from it.
        """
        if self._drops and facts.simulated:
            raise UsageError(
                f"{facts.url} is a simulation, which has a page cache of its own; --drop-caches would drop that of a "
                "machine, and the labels would be wrong: leave it out"
            )
        self._planned = planned
        self._say(f"{planned} moves on {facts.url} (Ollama {facts.server_version}); what is in memory there goes, and")
        self._say("is loaded again at the end. Ctrl-C keeps what was measured.")

    def measured(self, sample: Sample) -> None:
        """A sample is there."""
        self._samples.append(sample)
        models = tuple(dict.fromkeys(one.move.model for one in self._samples))
        befores = tuple(one.move.before for one in self._samples if one.move.before is not None)
        matrix = matrix_of(self._samples, tuple(dict.fromkeys((*models, *befores))), self._order.ram_bytes)
        replace_with(self._path, csv_text(matrix.rows).encode())
        load_s = (sample.counters.load_ns or 0) / 1e9
        move = sample.move
        pair = f"{move.before or '(nothing)'} → {move.model}"
        self._say(f"{len(self._samples)}/{self._planned} {pair}: {load_s:.3f} s")

    def _say(self, sentence: str) -> None:
        if not self._quiet:
            click.echo(sentence, err=True)


def _ram_bytes(text: str | None) -> int | None:
    """The size as `--ram` writes it."""
    try:
        return None if text is None else parse_size_bytes(text)
    except UnitError as error:
        raise UsageError(f"--ram {text!r}: {error}") from None


def _dropper(loaded: LoadedConfig, given: dict[str, Any]) -> Pages | None:
    """The way to the host's page cache, if it is to be dropped and the user agrees."""
    target = given["ssh"] or loaded.config.host.ssh
    if not given["drop_caches"]:
        if given["ssh"]:
            raise UsageError("--ssh is for --drop-caches; without it nothing is done over ssh")
        return None
    if target is None:
        raise UsageError("--drop-caches needs a way to the host: --ssh USER@HOST, or host.ssh in the config")
    question = f"Drop the page cache of {target} before every load from disk? All programs there will read slowly"
    if not given["yes"] and not click.confirm(question, err=True):
        raise UsageError("the page cache may not be dropped; leave --drop-caches out to measure without")
    return Pages(SshRunner(target))
