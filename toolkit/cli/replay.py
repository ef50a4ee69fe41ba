"""`hotswap replay`: one strategy, every request kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.load_options import load_options
from toolkit.cli.options import global_options, keeping_options, workload_options


@click.command("replay")
@workload_options
@load_options
@global_options
@keeping_options
@click.option("--tag", metavar="NAME", help="A tag for the run (the first, with --repeat); moves if it is taken.")
@click.option("--strategy", metavar="NAME", help="Which strategy; the config's cache.type by default.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="RUN", help="Where the run goes.")
def replay(strategy: str | None, tag: str | None, out: Path | None, **given: Any) -> None:
    """Play a scenario or a trace under one strategy.

    Keeps one record a request in RUN/run.jsonl (RUN/1/run.jsonl, RUN/2/run.jsonl, … with --repeat) and in the store,
    for later commands and for notebooks.

    \b
    hotswap replay scenarios/working-day.yaml --strategy ram --out reports/ram
    hotswap replay scenarios/swap-storm.yaml --host config --repeat 5 --tag before-upgrade
    hotswap replay scenarios/bursty-team.yaml --host config --speed 4 --warmup 1m --duration 10m --deadline 60s
    hotswap replay scenarios/bursty-team.yaml --host config --users 8 --think 5s --duration 10m --drain 30s
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.session import Session  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.experiment.names import one_strategy  # noqa: PLC0415

    with Session.open(given, () if strategy is None else (one_strategy(strategy),), out, tag) as session:
        session.show_runs(session.play_in_place())
