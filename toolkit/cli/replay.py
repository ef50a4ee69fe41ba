"""`hotswap replay`: one strategy, every request kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import global_options, load_given_config, order_from, workload_options


@click.command("replay")
@workload_options
@global_options
@click.option("--strategy", metavar="NAME", help="Which strategy; the config's cache.type by default.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="RUN", help="Where the run goes.")
def replay(strategy: str | None, out: Path | None, config: str | None, host: str | None, **given: Any) -> None:
    r"""Play a scenario or a trace under one strategy.

    Keeps one record a request in RUN/run.jsonl (RUN/1, RUN/2, … with --repeat), for later commands and for notebooks.

    \b
    hotswap replay scenarios/working-day.yaml --strategy ram --out reports/ram
    """
    from toolkit.cli.play import play_runs  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.show import show_runs  # noqa: PLC0415

    order = order_from(given)
    loaded = load_given_config(config, quiet=given["quiet"])
    names = (strategy or loaded.config.llm.cache.type,)
    show_runs(play_runs(loaded, order, names, host, quiet=given["quiet"]), out, **given)
