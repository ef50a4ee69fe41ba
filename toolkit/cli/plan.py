"""`hotswap plan`: capacity questions, answered with numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import global_options


@click.command("plan")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="A recorded trace instead.")
@click.option("--format", "trace_format", metavar="NAME", help="Its format; guessed where it is not given.")
@click.option("--mix", metavar="SHARES", help="Trace only: primary=0.5,code=0.3,fast=0.2 deals out the models.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N requests.")
@click.option("--seed", type=int, help="Seed of the first repetition; the scenario's own by default.")
@click.option(
    "--question",
    "questions",
    multiple=True,
    type=click.Choice(("load", "settings", "host", "more")),
    help="Only this one; may be given several times.",
)
@click.option(
    "--slo", "slos", multiple=True, metavar="M=LIMIT@SHARE", help="ttft=5s@95%; the scenario's own by default."
)
@click.option("--strategy", metavar="NAME", help="The strategy in force; the config's by default.")
@click.option("--num-ctx", type=click.IntRange(4), help="The context in force.")
@click.option("--gpus", metavar="A,B", help="Hosts to choose from; all of the table by default.")
@click.option(
    "--gpus-file", type=click.Path(path_type=Path), metavar="FILE", help="GPUs with prices; bundled by default."
)
@click.option(
    "--repeat", type=click.IntRange(2, 1000), default=16, show_default=True, help="Most repetitions of a load."
)
@click.option(
    "--executor", default="pool", show_default=True, metavar="WHERE", help="pool, serial or dask://HOST:PORT."
)
@click.option("--workers", type=click.IntRange(1), help="Processes of the pool; one for each core by default.")
@click.option(
    "--points",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keeps finished points; reports/plan-points.jsonl by default.",
)
@click.option("--no-points", is_flag=True, help="Keep none, and use none.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where picture and JSON go."
)
@global_options
def plan(**given: Any) -> None:
    """Say how much load a host can take, and what would change that.

    Four questions, answered by whole replays on the simulated host: the largest load of SCENARIO (or of --trace FILE)
    at which every promise is kept; the settings and the strategy that raise it; the cheapest host that keeps the
    promises under this workload; what one more GPU or a second host would bring. Costs and energy come with them. Each
    largest load is checked with other random numbers: kept there, broken ten percent above. Finished simulations are
    kept, so an interrupted call goes on where it was.

    \b
    hotswap plan scenarios/coding-afternoon.yaml
    hotswap plan scenarios/bursty-team.yaml --question load --slo ttft=20s@90% --strategy lru-unload
    hotswap plan scenarios/working-day.yaml --question host --gpus "RTX 4090,RTX 5090"
    hotswap plan --trace FILE --format azure --slo ttft=10s@95% --config my-host.yaml
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.plan_run import run_plan  # noqa: PLC0415 - keeps `--help` cheap

    run_plan(given)
